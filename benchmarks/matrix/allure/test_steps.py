import allure
import pytest
import shop


@allure.feature("stall")
@allure.severity(allure.severity_level.CRITICAL)
def test_steps():
    with allure.step("bake"):
        allure.attach("3", name="loaves", attachment_type=allure.attachment_type.TEXT)
    with allure.step("sell"):
        assert shop.offer(3)


def test_fails_in_a_step():
    with allure.step("sell"):
        assert 0


@pytest.fixture
def till():
    allure.attach("open", name="till")
    yield
    allure.attach("closed", name="till")


def test_leak_with_steps(till):
    with allure.step("sell"):
        shop.sell()


@allure.title("price {price}")
@pytest.mark.parametrize("price", [1, 2])
def test_titles(price, till):
    allure.dynamic.description(str(price))
