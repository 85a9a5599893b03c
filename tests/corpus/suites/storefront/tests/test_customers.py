from __future__ import annotations

import gc

from shop.customers import Basket, Customer, Household, Lease, Visit


def test_register():
    assert Customer.register("Ada").name == "Ada"


def test_sign_in():
    customer = Customer.sign_in("Grace")
    assert customer in Customer.online


def test_basket_knows_its_owner():
    owner = Customer("Alan")
    basket = Basket(owner)
    assert basket.owner is owner


def test_hundreds_of_baskets_in_cycles():
    baskets = [Basket(Customer(f"customer {n}")) for n in range(500)]
    assert len({id(basket.owner) for basket in baskets}) == 500


def test_household_members_know_each_other():
    home = Household(3)
    assert all(member.household is home for member in home.members)


def test_a_visit_ends():
    Visit()
    gc.collect()
    assert Visit.ended


def test_a_lease_is_released():
    before = Lease.released
    Lease()
    gc.collect()
    assert Lease.released > before
