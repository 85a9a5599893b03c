import pytest
import shop
from hypothesis import assume, event, example, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule


@given(st.integers())
def test_price(price):
    event("negative" if price < 0 else "other")
    assert shop.offer(price).price == price


@example("")
@given(st.text())
@settings(max_examples=30)
def test_text(text):
    assume(len(text) < 20)
    assert text.encode("utf-8", "surrogatepass")


@settings(derandomize=True, print_blob=False)
@given(st.lists(st.integers()))
def test_fails_for_long_lists(prices):
    note(f"{len(prices)} prices")
    assert len(prices) < 3


@settings(max_examples=5)
@given(st.integers(1, 9))
def test_leak_in_a_property(price):
    shop.sell(price)


@given(st.data())
def test_drawn(data):
    first = data.draw(st.integers())
    assert data.draw(st.integers(min_value=first)) >= first


@pytest.mark.parametrize("country", ["de", "fr"])
@given(st.floats(0, 1))
def test_both(country, rate):
    assert shop.tax(country) >= 0


class Stall(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loaves = 0

    @rule(count=st.integers(0, 9))
    def bake(self, count):
        self.loaves += count

    @invariant()
    def never_less(self):
        assert self.loaves >= 0


TestStall = Stall.TestCase
TestStall.settings = settings(max_examples=10, stateful_step_count=5)
