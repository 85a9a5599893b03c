"""Customers, with the two usual ways to know all of them."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar


class Customer:
    everyone: ClassVar[list[Customer]] = []
    online: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    def __init__(self, name: str) -> None:
        self.name = name
        self.address: dict[str, str] = {"city": "Ghent", "country": "BE"}

    @classmethod
    def register(cls, name: str) -> Customer:
        customer = cls(name)
        cls.everyone.append(customer)  # leak: class-registry
        return customer

    @classmethod
    def sign_in(cls, name: str) -> Customer:
        customer = cls(name)
        cls.online.add(customer)
        return customer


class Basket:
    """Holds its owner, who holds the basket: a plain cycle."""

    def __init__(self, owner: Customer) -> None:
        self.owner = owner
        self.items: list[str] = []
        owner.basket = self  # type: ignore[attr-defined]


class Household:
    """A cycle of members that one directory entry keeps alive."""

    directory: ClassVar[dict[int, Household]] = {}

    def __init__(self, size: int) -> None:
        self.members = [Customer(f"member {n}") for n in range(size)]
        for member in self.members:
            member.household = self  # type: ignore[attr-defined]
        self.directory[id(self)] = self  # leak: household-cycle


class Visit:
    """Comes back to life when it is collected."""

    ended: ClassVar[list[Visit]] = []

    def __init__(self) -> None:
        self.me = self
        self.pages = ["home"]

    def __del__(self) -> None:
        Visit.ended.append(self)  # leak: resurrected


class Lease:
    """Counts its own releases; nothing comes back."""

    released = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Lease.released += 1
