"""Simulated copies end inside their estimates as often as the confidence claims, whatever they do.

The table of docs/estimates.md is of other seeds, and nothing was set by either's.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from bench.calibration import NAMES, Told, estimates, high_after_three_hours, rows_of

_SEEDS = range(40)
_ONCE_IN = 36  # of five minutes: every three hours


@cache
def told_of(profile: str) -> Sequence[Told]:
    return [each for seed in _SEEDS for each in estimates(profile, seed, every=_ONCE_IN)]


# What must be given; where a limit by the hour bound it or a line is shared, high would be a lie.
GIVEN: Mapping[str, Sequence[str]] = {
    "constant": ("high", "medium"),
    "constant files": ("medium", "low"),
    "noise": ("high", "medium", "low"),
    "slow end": ("high", "medium", "low"),
    "business hours": ("medium", "low"),
    "weekend": ("high", "medium", "low"),
    "sleeping Agent": ("high", "medium", "low"),
    "limits by hour": ("low",),
    "in company": ("high", "medium", "low"),
    "shared line": ("medium", "low"),
}
AIMS = {"high": 0.9, "medium": 0.75, "low": 0.75}


def test_no_profile_is_left_out() -> None:
    assert set(GIVEN) == set(NAMES)


@pytest.mark.parametrize("profile", NAMES)
def test_copies_end_inside_as_often_as_each_confidence_claims(profile: str) -> None:
    rows = {row.confidence: row for row in rows_of(profile, told_of(profile))}
    assert set(GIVEN[profile]) <= set(rows)
    for confidence, row in rows.items():
        few = row.estimates < 10 and confidence not in GIVEN[profile]
        assert few or row.inside >= AIMS[confidence], row
        assert few or row.cut_off == 0, row


@pytest.mark.parametrize("profile", [p for p in NAMES if "high" in GIVEN[p]])
def test_a_range_of_high_confidence_is_narrow(profile: str) -> None:
    rows = {row.confidence: row for row in rows_of(profile, told_of(profile))}
    width = rows["high"].width
    assert width is not None
    assert width <= 0.6


def test_a_third_of_constant_copies_estimates_after_three_hours_is_high() -> None:
    assert high_after_three_hours(told_of("constant")) >= 1 / 3


def test_none_is_high_where_a_limit_by_the_hour_bound_it_or_its_end_is_unknown() -> None:
    limited, files = told_of("limits by hour"), told_of("constant files")
    assert {each.eta.confidence for each in limited} == {"low"}
    assert {each.eta.confidence for each in files} == {"medium", "low"}
    assert any(each.eta.earliest is None for each in limited)
