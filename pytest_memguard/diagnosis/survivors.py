"""Which objects every repetition leaves behind: counted by type, sized, and a few of them to start a search from."""

from __future__ import annotations

import gc
import itertools
import types
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from pytest_memguard.diagnosis import anatomy, gcstate
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.model import TypeGrowth
from pytest_memguard.values import dataclass

_MOST_IDS = 300_000
_LEAST_ROUNDS = 2
_HEADS_PER_TYPE = 4
_HEADS = 24
_SHOWN = 8
_SIZED = 2_000
_HELPERS = (
    (
        "function",
        "functools.partial",
        "method",
        "builtin_function_or_method",
    ),
    ("generator", "coroutine", "async_generator"),
    ("collections.deque", "collections.defaultdict", "collections.OrderedDict", "set", "list", "dict", "frozenset"),
    ("traceback", "frame", "_thread.lock", "_thread.RLock", "property", "staticmethod", "classmethod", "super"),
    ("tuple", "cell", "weakref.ReferenceType", "weakref", "getset_descriptor", "member_descriptor", "mappingproxy"),
    ("enumerate", "filter", "map", "reversed", "zip"),
)
_HELPER_RANK = {name: rank for rank, names in enumerate(_HELPERS) for name in names}
#: Ranks of types, most telling first: the user's, other classes (and the user's suspended functions), builtins, helpers
#: (several kinds), the test machinery.
USER, FOREIGN, BUILTIN, HELPER, MACHINERY = 0, 1, 2, 3, 99
_SUSPENDED_CODE: tuple[tuple[type, str], ...] = (
    (types.GeneratorType, "gi_code"),
    (types.CoroutineType, "cr_code"),
    (types.AsyncGeneratorType, "ag_code"),
)


def is_helper(name: str) -> bool:
    """Whether a type of that name only ever serves another object."""
    return _helper_rank(name) is not None


def _helper_rank(name: str) -> int | None:
    if name.startswith("itertools.") or (name.endswith("iterator") and "." not in name):
        return _HELPER_RANK["zip"]
    return _HELPER_RANK.get(name)


class Born:
    """Addresses of the objects that were born in the rounds and are still there."""

    __slots__ = ("_all", "_few")

    def __init__(self, ids: array[int]) -> None:
        self._all = ids
        self._few: frozenset[int] | None = frozenset(ids) if len(ids) <= _MOST_IDS else None

    @classmethod
    def none(cls) -> Born:
        """Nothing was born: everything is old."""
        return cls(array("Q"))

    def surely(self, obj: object) -> bool:
        """False also where there are too many to tell quickly."""
        return self._few is not None and id(obj) in self._few

    def has(self, obj: object) -> bool:
        """Exact, and slow where there are very many."""
        return id(obj) in (self._all if self._few is None else self._few)

    def addresses(self) -> frozenset[int] | None:
        """All of them; None where they are too many for a set."""
        return self._few


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survivors:
    """What the rounds left.

    ``replaced``: new objects of each type that do not add up. ``heads``: objects to search from, one tuple a rank, the
    most telling rank first. ``steady``: the numbers are the same in every round, of which there were ``rounds``.
    """

    per_run: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)
    types: tuple[TypeGrowth, ...] = ()
    heads: tuple[tuple[Held, ...], ...] = field(default=(), repr=False)
    born: Born = field(default_factory=Born.none, repr=False)
    steady: bool = True
    rounds: int = 0


def count_types(objects: Iterable[Any]) -> dict[str, int]:
    """How many objects there are of each type name."""
    counts: dict[str, int] = {}
    for cls, count in _by_type(objects).values():
        name = anatomy.type_name(cls)
        counts[name] = counts.get(name, 0) + count
    return counts


def new_types() -> dict[str, int]:
    """Type names and numbers of the objects that were born since the last ``gc.freeze()``.

    The difference between two rounds is what one repetition leaves behind; that is what
    :meth:`~pytest_memguard.diagnosis.causes.KnownCauses.recognise` wants.
    """
    return count_types(gc.get_objects())


def observe(scenario: Scenario, rounds: int, owners: Owners, hurry: Callable[[], bool]) -> Survivors:
    """Repeat the scenario ``rounds`` times, and find what grew by the same number of objects each time.

    Steps between rounds are what counts, not totals: an object that each repetition replaces is new, too, but there is
    only one of it. Two rounds do where ``hurry`` says so. Leaves the heap thawed.
    """
    with gcstate.frozen():
        scenario.settle()
    counts: list[dict[str, int]] = [{} for _ in range(rounds)]
    ids = [array("Q") for _ in range(rounds)]
    with gcstate.frozen():
        done = 0
        while done < rounds and not (done >= _LEAST_ROUNDS and hurry()):
            scenario.repeat()
            scenario.settle()
            objects = gc.get_objects()
            # Into containers that were made before the freeze: nothing of ours may be new.
            counts[done].update(count_types(objects))
            ids[done].extend(map(id, objects))
            del objects
            done += 1
        with gcstate.paused():
            return _conclude(gc.get_objects(), counts[:done], ids[:done], owners)


def _by_type(objects: Iterable[Any]) -> dict[int, tuple[type, int]]:
    types = list(map(type, objects))
    counts = Counter(map(id, types))
    return {key: (cls, counts[key]) for key, cls in dict(zip(map(id, types), types, strict=True)).items()}


def _conclude(
    objects: list[Any], counts: Sequence[Mapping[str, int]], ids: Sequence[array[int]], owners: Owners
) -> Survivors:
    per_run = _steps(counts, exact=True)
    steady = bool(per_run)
    if not steady:
        per_run = _steps(counts, exact=False)
    ranks = _ranks(objects, per_run, owners)
    replaced = _replaced(counts, per_run)
    names = sorted(ranks, key=lambda name: (ranks[name], per_run[name], name))
    samples = _samples(objects, set(names), _lasting(ids))
    return Survivors(
        per_run=per_run,
        replaced=replaced,
        types=tuple(_growth(name, per_run[name], samples[name][1]) for name in names[:_SHOWN]),
        heads=_heads(names, ranks, samples),
        born=Born(ids[-1]),
        steady=steady,
        rounds=len(ids),
    )


def _steps(counts: Sequence[Mapping[str, int]], *, exact: bool) -> dict[str, int]:
    """The growth of each type per run: equal in all rounds, or (not exact) the least where it grew in all of them."""
    found = {}
    for name, total in counts[-1].items():
        seen = [each.get(name, 0) for each in counts]
        steps = [after - before for before, after in itertools.pairwise(seen)] or [total]
        least = min(steps)
        if least >= 1 and seen[0] >= least and (not exact or least == max(steps)):
            found[name] = least
    return found


def _replaced(counts: Sequence[Mapping[str, int]], per_run: Mapping[str, int]) -> dict[str, int]:
    """How many new objects of each type there are after a round beyond those that every round adds."""
    found: dict[str, int] = {}
    for rounds, seen in enumerate(counts, 1):
        for name, count in seen.items():
            more = count - rounds * per_run.get(name, 0)
            found[name] = max(more, found.get(name, 0))
    return {name: count for name, count in found.items() if count > 0}


def _ranks(objects: Sequence[Any], names: Mapping[str, int], owners: Owners) -> dict[str, int]:
    ranks = {}
    for cls, _ in _by_type(objects).values():
        name = anatomy.type_name(cls)
        if name in names:
            ranks[name] = _rank(name, cls, owners)
    for cls, code in _SUSPENDED_CODE:
        if cls.__name__ in ranks:
            files = {getattr(obj, code).co_filename for obj in objects if type(obj) is cls}
            if any(map(owners.paths.is_user_file, files)):
                ranks[cls.__name__] = FOREIGN
    return ranks


def _rank(name: str, cls: type, owners: Owners) -> int:
    helper = _helper_rank(name)
    if helper is not None:
        return HELPER + helper
    owner = owners.of_type(cls)
    if owner == "pytest":
        return MACHINERY
    if owner == "user":
        return USER
    return BUILTIN if anatomy.module_of(cls) in ("builtins", "") else FOREIGN


def _lasting(ids: Sequence[array[int]]) -> frozenset[int] | None:
    """What was there after each round: truly retained, not merely what the last repetition has not yet replaced."""
    if len(ids) == 1:
        return None
    lasting = set(ids[0][:_MOST_IDS])
    for later in ids[1:]:
        lasting.intersection_update(later)
    return frozenset(lasting)


def _samples(
    objects: Sequence[Any], names: set[str], lasting: frozenset[int] | None
) -> dict[str, tuple[list[Held], list[Held]]]:
    """For each type name a few objects to search from, and more of them to take sizes of."""
    by_id = {key: anatomy.type_name(cls) for key, (cls, _) in _by_type(objects).items()}
    samples: dict[str, tuple[list[Held], list[Held]]] = {name: ([], []) for name in names}
    for obj in objects:
        found = samples.get(by_id[id(type(obj))])
        if found is None:
            continue
        heads, sized = found
        if len(heads) < _HEADS_PER_TYPE and (lasting is None or id(obj) in lasting):
            heads.append(Held(obj))
        if len(sized) < _SIZED:
            sized.append(Held(obj))
    for heads, sized in samples.values():
        if not heads:
            heads.extend(sized[:_HEADS_PER_TYPE])
    return samples


def _heads(
    names: Sequence[str], ranks: Mapping[str, int], samples: Mapping[str, tuple[list[Held], list[Held]]]
) -> tuple[tuple[Held, ...], ...]:
    """The objects to search from by rank; helpers only where there is nothing else, and then of the best kind only."""
    telling = [name for name in names if not HELPER <= ranks[name] < MACHINERY]
    if not telling:
        telling = [name for name in names if ranks[name] == ranks[names[0]]]
    tiers: dict[int, list[Held]] = {}
    for name in telling:
        tiers.setdefault(ranks[name], []).extend(samples[name][0])
    return tuple(tuple(tiers[rank][:_HEADS]) for rank in sorted(tiers))


def _growth(name: str, count: int, sized: Sequence[Held]) -> TypeGrowth:
    """Bytes per run by the mean of a sample: shallow sizes, plus the attributes of instances."""
    if not sized:
        return TypeGrowth(type=name, count=count, bytes=0)
    total = sum(anatomy.shallow_size(held.obj) for held in sized)
    if not is_helper(name):
        total += sum(anatomy.attributes_size(held.obj) for held in sized)
    return TypeGrowth(type=name, count=count, bytes=round(total / len(sized) * count))
