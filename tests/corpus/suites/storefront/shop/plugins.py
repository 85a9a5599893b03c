"""Payment providers register themselves, in one of two ways."""

from __future__ import annotations

from typing import Any


class ProviderMeta(type):
    registry: list[type] = []

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
        cls = super().__new__(mcs, name, bases, namespace)
        if bases:
            mcs.registry.append(cls)  # leak: metaclass-registry
        return cls


class Provider(metaclass=ProviderMeta):
    def pay(self, amount: int) -> int:
        return amount


class Shipper:
    """Subclasses put themselves into a table by name and version."""

    table: dict[tuple[str, int], type[Shipper]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Shipper.table[cls.__name__, len(Shipper.table)] = cls  # leak: subclass-registry


class Discount:
    """Subclasses are only known to the interpreter, weakly."""

    @classmethod
    def known(cls) -> set[str]:
        return {sub.__name__ for sub in cls.__subclasses__()}


class Voucher:
    """Subclasses replace one another under their name."""

    by_name: dict[str, type[Voucher]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Voucher.by_name[cls.__name__] = cls
