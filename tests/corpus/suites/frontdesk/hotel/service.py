"""Rooms: what fixtures and tests share."""

from __future__ import annotations

OPENED: list = []
CLOSED: list = []
KEYS: list = []
AUDIT: list = []


class Room:
    def __init__(self, number: int) -> None:
        self.number = number


def open_room(number: int) -> Room:
    room = Room(number)  # leak: helper
    OPENED.append(room)
    return room


def close_room(room: Room) -> None:
    CLOSED.append({"room": room.number, "at": [room.number]})  # leak: closed


class Inventory:
    def __init__(self) -> None:
        self.items = []

    def add(self, name: str) -> Room:
        self.items.append(Room(len(name)))  # leak: inventory
        return self.items[-1]
