"""The session heuristics on scripted series: no memory is read."""

from __future__ import annotations

import random

import pytest

from pytest_memguard.growth import Growth, GrowthSettings, GrowthTracker, assess, collection_yield, judge

MB = 1 << 20
KB = 1 << 10
SETTINGS = GrowthSettings()


def found(series, settings=SETTINGS):
    tracker = GrowthTracker(settings)
    for value in series:
        tracker.add(value)
    return tracker.candidate()


def flat(tests, level=60 * MB, own=3 * KB):
    return [level + own * number for number in range(tests)]


def rising(tests, step, level=60 * MB):
    return [level + step * number for number in range(tests)]


def noisy(series, spread, seed=1):
    source = random.Random(seed)  # noqa: S311 - the same series every time
    return [value + source.randint(-spread, spread) for value in series]


class TestOneWindow:
    def test_growth_at_the_threshold(self):
        growth = assess(rising(15, int(0.0301 * 60 * MB)), SETTINGS)

        assert growth is not None
        assert (growth.kind, growth.first, growth.last, growth.up, growth.steps) == ("window", 0, 14, 14, 14)
        assert growth.rate == pytest.approx(0.03, abs=0.0005)

    def test_below_the_threshold(self):
        assert assess(rising(15, int(0.028 * 60 * MB)), SETTINGS) is None

    def test_what_pytest_keeps_is_subtracted_first(self):
        settings = GrowthSettings(own_bytes=2 * MB)

        assert assess(rising(15, 2 * MB), settings) is None
        assert assess(rising(15, 4 * MB), settings).slope == pytest.approx(2 * MB)

    def test_one_large_step(self):
        assert assess([60 * MB] * 7 + [600 * MB] * 8, SETTINGS) is None

    def test_two_large_steps_among_steps_of_a_page(self):
        series = rising(15, 8 * KB)
        for place in range(5, 15):
            series[place] += 50 * MB
        for place in range(10, 15):
            series[place] += 50 * MB

        assert assess(series, SETTINGS) is None

    def test_saw_tooth(self):
        assert assess([60 * MB + (number % 4) * 10 * MB for number in range(15)], SETTINGS) is None

    def test_one_sample_that_fell(self):
        series = rising(15, 4 * MB)
        series[8] = series[6]

        assert assess(series, SETTINGS) is not None

    def test_too_few_samples(self):
        assert assess(rising(11, 10 * MB), SETTINGS) is None
        assert assess([], SETTINGS) is None

    @pytest.mark.parametrize(("missing", "judged"), [((3, 9), True), ((0, 14), True), ((1, 3, 5, 7), False)])
    def test_missing_values(self, missing, judged):
        series = [None if place in missing else value for place, value in enumerate(rising(15, 4 * MB))]

        growth = assess(series, SETTINGS)

        assert (growth is not None) == judged
        if growth is not None:
            assert growth.slope == pytest.approx(4 * MB - SETTINGS.own_bytes)

    def test_a_window_of_three(self):
        assert assess(rising(3, 4 * MB), GrowthSettings(window=3)) is not None


class TestLeaks:
    def test_every_test_leaks(self):
        growth = found(rising(100, 3 * MB))

        assert growth.kind == "window"
        assert (growth.first, growth.last, growth.up, growth.steps) == (0, 99, 99, 99)
        assert growth.slope == pytest.approx(3 * MB - 3 * KB)

    def test_a_leak_in_the_middle_is_placed(self):
        series = flat(200) + rising(40, 4 * MB, level=62 * MB) + flat(200, level=62 * MB + 40 * 4 * MB)

        growth = found(series)

        assert growth.kind == "window"
        assert 195 <= growth.first <= 203
        assert 237 <= growth.last <= 244
        assert growth.gained == pytest.approx(160 * MB, rel=0.15)

    def test_the_stretch_that_gained_most(self):
        series = flat(50)
        for step in (3 * MB, 9 * MB, 4 * MB):
            series += rising(20, step, level=series[-1])
            series += flat(60, level=series[-1])

        growth = found(series)

        assert growth.gained == pytest.approx(19 * 9 * MB, rel=0.15)

    @pytest.mark.parametrize("seed", range(5))
    def test_noise_does_not_hide_it(self, seed):
        growth = found(noisy(rising(60, 5 * MB), MB, seed))

        assert growth is not None
        assert growth.slope == pytest.approx(5 * MB, rel=0.1)

    @pytest.mark.parametrize("seed", range(5))
    def test_slow_growth_in_every_test(self, seed):
        growth = found(noisy(rising(500, 100 * KB), 500 * KB, seed))

        assert growth.kind == "session"
        assert growth.last == 499
        assert growth.slope == pytest.approx(97 * KB, rel=0.1)

    def test_slow_growth_under_a_saw_tooth(self):
        growth = found([60 * MB + 50 * KB * number + (number % 7) * 2 * MB for number in range(2000)])

        assert growth.kind == "session"
        assert growth.slope == pytest.approx(47 * KB, rel=0.1)

    def test_slow_growth_after_imports(self):
        growth = found(rising(10, 20 * MB, level=30 * MB) + rising(590, 100 * KB, level=230 * MB))

        assert growth.kind == "session"

    def test_slow_growth_in_a_session_of_many_tests(self):
        growth = found(rising(20_000, 20 * KB))

        assert growth.kind == "session"
        assert growth.steps <= 32

    def test_slow_growth_with_unreadable_samples(self):
        growth = found([value if number % 3 == 0 else None for number, value in enumerate(rising(600, 100 * KB))])

        assert growth.kind == "session"
        assert growth.slope == pytest.approx(97 * KB, rel=0.1)

    def test_a_short_session(self):
        growth = found(rising(20, 5 * MB))

        assert growth.short
        assert (growth.first, growth.last) == (0, 19)


class TestInnocent:
    def test_nothing_but_what_pytest_keeps(self):
        assert found(flat(5000)) is None

    def test_a_plateau(self):
        assert found([60 * MB] * 500) is None

    @pytest.mark.parametrize("tests", [0, 1, 2, 14])
    def test_less_than_a_window(self, tests):
        assert found(rising(tests, 10 * MB)) is None

    def test_nothing_readable(self):
        assert found([None] * 500) is None

    def test_imports_at_the_beginning(self):
        assert found(rising(16, 8 * MB) + flat(300, level=190 * MB)) is None

    @pytest.mark.parametrize("place", [3, 20, 250, 470, 499])
    def test_one_large_step(self, place):
        series = [value + (300 * MB if number >= place else 0) for number, value in enumerate(flat(500))]

        assert found(series) is None

    @pytest.mark.parametrize("period", [2, 5, 12, 60])
    def test_saw_tooth(self, period):
        assert found([60 * MB + (number % period) * 3 * MB for number in range(601 - 601 % period + 1)]) is None

    def test_a_few_steps_over_the_session(self):
        series = [value + 20 * MB * (number // 100) for number, value in enumerate(flat(500))]

        assert found(series) is None

    @pytest.mark.parametrize("full", [50, 150, 300])
    def test_a_cache_that_fills(self, full):
        assert found([60 * MB + 100 * KB * min(number, full) for number in range(500)]) is None

    @pytest.mark.parametrize("seed", range(20))
    def test_noise(self, seed):
        assert found(noisy(flat(500), 4 * MB, seed)) is None

    @pytest.mark.parametrize("seed", range(20))
    def test_a_random_walk_that_comes_back(self, seed):
        source = random.Random(seed)  # noqa: S311 - the same series every time
        level, series = 0, []
        for _ in range(600):
            level = int(level * 0.95) + source.randint(-2 * MB, 2 * MB)
            series.append(80 * MB + level)

        assert found(series) is None

    def test_what_was_given_back_is_forgotten(self):
        series = flat(50) + rising(30, 4 * MB) + flat(50)

        assert found(series[:80]) is not None
        assert found(series) is None

    def test_one_of_two_stretches_given_back(self):
        grown = rising(30, 3 * MB, level=100 * MB)
        series = flat(50) + grown + flat(50, level=grown[-1])
        series += rising(30, 8 * MB, level=grown[-1]) + flat(50, level=grown[-1])

        growth = found(series)

        assert 45 <= growth.first <= 55
        assert growth.gained == pytest.approx(29 * 3 * MB, rel=0.15)


class TestCollectionYield:
    @pytest.mark.parametrize(
        ("grown", "given_back", "share"),
        [(100, 5, 0.05), (100, 0, 0.0), (100, 200, 1.0), (100, -50, 0.0)],
    )
    def test_share(self, grown, given_back, share):
        assert collection_yield(grown, given_back) == share

    @pytest.mark.parametrize(("grown", "given_back"), [(0, 5), (-10, 5), (None, 5), (5, None)])
    def test_unknown(self, grown, given_back):
        assert collection_yield(grown, given_back) is None


class TestJudge:
    growth = Growth(kind="window", first=2, last=16, level=60.0 * MB, slope=3.0 * MB, gained=42.0 * MB, up=14, steps=14)

    def test_nothing_grew(self):
        judged = judge(None, None, SETTINGS)

        assert not judged.suspected
        assert judged.confidence == 0
        assert judged.reason is None

    def test_retained(self):
        judged = judge(self.growth, 0.02, SETTINGS, nodeid=lambda place: f"test_{place}")

        assert judged.suspected
        assert judged.confidence == pytest.approx(15 / 16 * 0.98, abs=0.001)
        assert judged.slope_per_test == 3 * MB
        assert (judged.first_nodeid, judged.last_nodeid) == ("test_2", "test_16")
        assert judged.reason == (
            "+3.0 MiB (5.0%) a test over 15 tests, 14 of 14 steps up, a full collection gave back 2%"
        )

    def test_cyclic_garbage(self):
        judged = judge(self.growth, 0.10, SETTINGS)

        assert not judged.suspected
        assert judged.gc_efficiency == 0.10
        assert judged.reason.endswith("so it is cyclic garbage that the collector had not reached")

    def test_not_collected(self):
        judged = judge(self.growth, None, SETTINGS)

        assert judged.suspected
        assert judged.confidence == pytest.approx(15 / 16 / 2, abs=0.001)

    def test_slow_growth_is_less_certain(self):
        slow = found(rising(500, 100 * KB))

        judged = judge(slow, 0.0, SETTINGS)

        assert judged.suspected
        assert judged.confidence <= 0.5
        assert "slow but steady to the end" in judged.reason

    def test_a_short_session_says_so(self):
        judged = judge(found(rising(20, 5 * MB)), 0.0, SETTINGS)

        assert judged.confidence <= 0.5
        assert "too short" in judged.reason
