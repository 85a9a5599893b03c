"""Values behave as those of the standard library, which they are compared with here."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field

import pytest

from pytest_memguard.values import dataclass as ours


@ours(frozen=True, slots=True, kw_only=True)
class Ours:
    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False)


@ours(frozen=True, slots=True, kw_only=True)
class Pair:
    left: int
    right: object = None


@ours(slots=True, kw_only=True)
class Count:
    found: int = 0


@ours(frozen=True, slots=True, kw_only=True, eq=False)
class Token:
    name: str

    def __repr__(self):
        return "its own"


@ours(frozen=True, slots=True, kw_only=True)
class Positive:
    number: int

    def __post_init__(self):
        if self.number < 0:
            raise ValueError(self.number)


def test_a_value_is_read_copied_and_told_as_one_of_the_standard_library():
    mine, other = Ours(name="a", parts=[1]), Theirs(name="a", parts=[1])

    assert repr(mine) == repr(other).replace("Theirs", "Ours") == "Ours(name='a', size=3, parts=[1])"
    assert dataclasses.asdict(mine) == dataclasses.asdict(other)
    assert [entry.name for entry in dataclasses.fields(mine)] == ["name", "size", "parts", "hidden"]
    assert dataclasses.replace(mine, size=4) == Ours(name="a", size=4, parts=[1])
    assert not hasattr(mine, "__dict__")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])  # noqa: S301
@pytest.mark.parametrize("value", [Ours(name="a", parts=[1]), Count(found=2)])
def test_a_copy_is_equal(again, value):
    assert again(value) == value
    assert again(value) is not value


def test_a_default_that_is_made_is_made_for_each():
    assert Ours(name="a").parts is not Ours(name="b").parts


def test_equality_is_of_all_fields_and_of_one_class():
    assert Pair(left=1) == Pair(left=1, right=None)
    assert Pair(left=1) != Pair(left=1, right=2)
    assert Pair(left=1).__eq__(Theirs(name="a")) is NotImplemented
    assert {Pair(left=1), Pair(left=1), Pair(left=2)} == {Pair(left=2), Pair(left=1)}
    assert Token(name="a") != Token(name="a")
    assert len({Token(name="a"), Token(name="a")}) == 2


def test_only_what_is_not_frozen_changes():
    pair, count = Pair(left=1), Count()
    count.found += 1

    with pytest.raises(dataclasses.FrozenInstanceError, match="'left' of Pair"):
        pair.left = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="'left' of Pair"):
        del pair.left
    with pytest.raises(TypeError, match="unhashable"):
        hash(count)

    assert (pair.left, count.found) == (1, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [({}, "Pair() needs 'left'"), ({"left": 1, "up": 2, "down": 3}, "Pair() has no 'down', 'up'")],
)
def test_a_wrong_keyword_is_named(given, message):
    with pytest.raises(TypeError) as error:
        Pair(**given)

    assert str(error.value) == message


def test_what_a_class_defines_itself_stays_and_is_called():
    assert repr(Token(name="a")) == "its own"
    with pytest.raises(ValueError, match="-1"):
        Positive(number=-1)


def test_a_value_that_holds_itself_has_an_end():
    parts = []
    pair = Pair(left=1, right=parts)
    parts.append(pair)

    assert repr(pair) == "Pair(left=1, right=[...])"


def test_other_kinds_of_classes_are_left_to_the_standard_library():
    with pytest.raises(TypeError, match="standard library"):
        ours(frozen=True, slots=False, kw_only=True)
