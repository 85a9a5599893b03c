from __future__ import annotations


def test_season(season):
    assert season.number == 4


def test_season_again(season):
    assert season.number == 4
