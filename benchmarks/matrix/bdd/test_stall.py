import shop
from pytest_bdd import given, parsers, scenarios, then, when

scenarios("stall.feature")


@given(parsers.parse("a stall with {count:d} loaves"), target_fixture="stall")
def stall(count):
    return {"loaves": count}


@when(parsers.parse("somebody buys {count:d}"))
def buy(stall, count):
    stall["loaves"] -= count


@when("an order is kept")
def keep():
    shop.sell()


@then(parsers.parse("{count:d} are left"))
def left(stall, count):
    assert stall["loaves"] == count
