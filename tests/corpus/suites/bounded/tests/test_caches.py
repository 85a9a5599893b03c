from __future__ import annotations

from limits import caches


def test_sized(key):
    caches.sized[key] = {"key": key}
    assert len(caches.sized) <= 100


def test_sized_thousand(key):
    caches.sized_thousand[key] = key.upper()
    assert len(caches.sized_thousand) <= 1_000


def test_timed(key):
    caches.timed[key] = key
    assert caches.timed[key][1] == key


def test_lru(key):
    caches.lru[key] = [key]
    assert len(caches.lru) <= 64


def test_lfu(key):
    caches.lfu.put(key, key)
    assert len(caches.lfu.data) <= 30


def test_ring(key):
    caches.ring.push({"key": key})
    assert len(caches.ring.slots) == 48


def test_things_are_weak(key):
    thing = caches.things[key] = caches.Thing()
    assert caches.things[key] is thing


def test_seen_is_weak():
    thing = caches.Thing()
    caches.seen.add(thing)
    assert thing in caches.seen


def test_a_local_cache(key):
    own = caches.SizedCache(maxsize=10_000)
    for n in range(5_000):
        own[f"{key}{n}"] = n
    assert len(own) == 5_000
