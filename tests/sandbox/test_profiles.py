"""Rates that change by themselves: the same by jumps and by steps, and no byte out of place."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.pace import DAY, HOUR, Pace, RateLimit, divide
from sms_tools.sandbox.profiles import PROFILES
from sms_tools.sandbox.scenarios import build
from sms_tools.sandbox.work import copied


@pytest.mark.parametrize("profile", PROFILES)
@given(seed=st.integers(0, 10**6), start=st.integers(0, 2 * DAY), cut=st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_a_copy_in_two_parts_ends_when_one_in_one_part_does(
    profile: str, seed: int, start: int, cut: float
) -> None:
    draw = Random(seed)  # noqa: S311
    work = draw.uniform(1e9, 2e12)
    limits = [RateLimit(600, 900, 20)] if draw.random() < 0.3 else []
    pace = Pace(draw.uniform(2_500, 50_000), limits, (), PROFILES[profile](draw), work)
    end = pace.finished(start, work)
    assert end is not None
    # The end is a whole millisecond: what is worked in the last one may be too much.
    last = 60_000
    assert pace.worked(start, end) == pytest.approx(work, rel=1e-6, abs=last)
    between = start + int((end - start) * cut)
    done = pace.worked(start, between)
    assert done + pace.worked(between, end, done) == pytest.approx(work, rel=1e-6, abs=last)
    rest = pace.finished(between, work - done, done)
    assert rest is not None
    assert abs(rest - end) <= 2


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"constant"}))
def test_a_profile_changes_the_rate(profile: str) -> None:
    pace = Pace(20_000, (), (), PROFILES[profile](Random(1)), DAY * 20_000)  # noqa: S311
    done, rates = 0.0, set()
    for hour in range(48):
        done += pace.worked(hour * HOUR, (hour + 1) * HOUR, done)
        rates.add(round(pace.worked(hour * HOUR, (hour + 1) * HOUR, done)))
    assert len(rates) > 1


def test_a_line_is_shared_evenly_and_what_one_cannot_use_goes_to_the_others() -> None:
    assert divide(90, [100, 100, 100]) == [30, 30, 30]
    assert divide(90, [10, 100, 100]) == [30, 40, 40]  # the first takes 10 of its 30
    assert divide(90, [0, 100]) == [0, 90]


def _standing(cloud: Cloud) -> list[tuple[int, int]]:
    now = cloud.now()
    return [copied(task, now) for task in cloud.tasks.values()]


def test_an_uneven_fleet_is_the_same_by_jumps_and_by_steps() -> None:
    jump, steps = ManualClock(), ManualClock()
    jumped, stepped = build("uneven", now=jump), build("uneven", now=steps)
    jump.advance(30 * 3600)
    for _ in range(30 * 6):
        steps.advance(600)
        stepped.now()
    for one, other in zip(_standing(jumped), _standing(stepped), strict=True):
        assert one == pytest.approx(other, rel=1e-6, abs=10_000)
