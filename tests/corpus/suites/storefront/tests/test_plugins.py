from __future__ import annotations

from shop.plugins import Discount, Provider, ProviderMeta, Shipper, Voucher


def test_provider_registers_itself():
    class Bank(Provider):
        fee = 2

    assert ProviderMeta.registry[-1] is Bank
    assert Bank().pay(10) == 10


def test_shipper_registers_itself():
    class Bike(Shipper):
        pass

    assert Bike in Shipper.table.values()


def test_discount_is_known_while_it_lives():
    class Winter(Discount):
        rate = 0.2

    assert Winter.__name__ in Discount.known()


def test_voucher_replaces_its_namesake():
    class Birthday(Voucher):
        pass

    assert Voucher.by_name["Birthday"] is Birthday
