"""Simulated copies end inside their estimates as often as the confidence claims."""

from datetime import timedelta

import pytest

from bench.calibration import PROFILES, estimates

SEEDS = range(12)
# Slow ends and business hours are not in the samples before they come: there both are too sure.
SURE = ("constant", "noise", "sleeps")


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"business hours"}))
def test_medium_holds_three_of_four_ends(profile: str) -> None:
    told = [each for seed in SEEDS for each in estimates(profile, seed)]
    rows = [(eta, end) for eta, _, end in told if eta.confidence == "medium"]
    assert rows
    assert sum(eta.earliest <= end <= eta.latest for eta, end in rows) >= 0.75 * len(rows)


@pytest.mark.parametrize("profile", SURE)
def test_high_holds_nine_of_ten_ends(profile: str) -> None:
    told = [each for seed in SEEDS for each in estimates(profile, seed)]
    rows = [(eta, end) for eta, _, end in told if eta.confidence == "high"]
    assert sum(eta.earliest <= end <= eta.latest for eta, end in rows) >= 0.9 * len(rows)


def test_a_third_of_constant_copies_estimates_after_three_hours_is_high() -> None:
    late: list[str] = []
    for seed in SEEDS:
        told = list(estimates("constant", seed))
        begun = told[0][1] - timedelta(minutes=30) if told else None
        late += [e.confidence for e, now, _ in told if begun and now - begun >= timedelta(hours=3)]
    assert late.count("high") >= len(late) / 3
