"""The arithmetic of estimates: ranges from samples, limits by the hour, and honest noes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_tools.diagnosis.eta import Eta, NoEta, estimate, measure, service_mbit_s, speed_unit
from sms_tools.diagnosis.limits import Limits, Segment, read_limits, steady
from sms_tools.fleet.samples import Sample
from sms_tools.operations.tasks import RateLimits

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MBIT = 125_000


def sample(minutes: float, done: int | None, **other: Any) -> Sample:
    values: dict[str, Any] = {
        "source_id": "s",
        "at": NOW + timedelta(minutes=minutes),
        "name": "db",
        "phase": "replicating",
        "state": "replicate",
        "stage": "replicating",
        "task_id": "t",
        "task_state": "RUNNING",
        "connected": True,
        "done_bytes": done,
        "total_bytes": 10**12,
        "speed": None,
        "error_code": None,
        "step": "MIGRATE_LINUX_FILE",
        "step_percent": 10,
        "trace": None,
    }
    return Sample(**{**values, **other})


def steadily(*minutes: float, mbit: float = 100) -> list[Sample]:
    return [sample(at, round((at + 1_000) * 60 * mbit * MBIT)) for at in minutes]


def test_three_samples_over_ten_minutes_give_a_rate() -> None:
    rate = measure(steadily(0, 5, 10))
    assert rate is not None
    assert rate.mbit_s == 100
    assert rate.samples == 3


@pytest.mark.parametrize("minutes", [(0,), (0, 10), (0, 4, 9.9), ()])
def test_fewer_samples_or_a_shorter_time_give_none(minutes: tuple[float, ...]) -> None:
    assert measure(steadily(*minutes)) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"phase": "paused"},
        {"connected": False},
        {"task_id": "another"},
        {"done_bytes": None},
        {"done_bytes": 10**15},  # then fewer: it began anew
    ],
)
def test_a_stretch_begins_anew_after_an_interruption(odd: dict[str, Any]) -> None:
    samples = steadily(0, 5, 10, 20, 25)
    broken = sample(
        12, samples[2].done_bytes, **{k: v for k, v in odd.items() if k != "done_bytes"}
    )
    if "done_bytes" in odd:
        broken = sample(12, odd["done_bytes"])
    assert measure([*samples[:3], broken, *samples[3:]]) is None


def test_the_range_holds_the_true_end_and_its_basis_is_said() -> None:
    left = 60 * 60 * 100 * MBIT  # one hour
    eta = estimate(left, NOW, measured=measure(steadily(*range(-35, 1, 5))), limits=Limits())
    assert isinstance(eta, Eta)
    assert eta.earliest < NOW + timedelta(hours=1) < eta.latest
    assert eta.confidence == "medium"
    assert "8 own samples" in eta.basis


def watched(hours: float, **other: Any) -> Eta:
    rate = measure(steadily(*range(round(-60 * hours), 1, 5)))
    found = estimate(10**11, NOW, **{"measured": rate, "limits": Limits(), **other})
    assert isinstance(found, Eta)
    return found


def test_confidence_is_high_only_after_three_hours_alone_and_under_known_limits() -> None:
    assert watched(3).confidence == "high"
    assert watched(2.9).confidence == "medium"
    assert watched(3, alone=False).confidence == "medium"
    assert watched(3, limits=None).confidence == "medium"
    by_the_hour = Limits((Segment(8 * 60, 18 * 60, 50),))
    assert watched(3, limits=by_the_hour).confidence == "low"


def test_an_even_hour_after_an_uneven_one_is_not_taken_for_an_even_day() -> None:
    slow = steadily(*range(-240, -115, 5), mbit=20)
    start = slow[-1].done_bytes or 0
    fast = [sample(at, start + (at + 115) * 60 * 100 * MBIT) for at in range(-110, 1, 5)]
    eta = estimate(10**12, NOW, measured=measure([*slow, *fast]), limits=Limits())
    assert isinstance(eta, Eta)
    assert eta.confidence != "high"
    assert eta.latest - NOW > 2 * (eta.earliest - NOW)


@pytest.mark.parametrize("seconds", [10**9, 10**12, 2**63 - 1, 10**30])
def test_an_absurd_estimate_of_the_service_is_not_passed_on(seconds: int) -> None:
    found = estimate(10**9, NOW, measured=None, service_seconds=seconds)
    assert isinstance(found, NoEta)
    assert "not usable" in found.reason
    assert service_mbit_s(10**9, seconds) is None


def test_a_limit_that_lets_next_to_nothing_through_gives_no_date() -> None:
    assert steady(1e-300).finish(NOW, 2**60, 1e6) is None
    assert steady(5e-324).finish(NOW, 2**60, 1e6) is None


def test_a_jumpy_rate_widens_the_range_and_lowers_the_confidence() -> None:
    done, samples = 0, []
    for index in range(12):
        samples.append(sample(index * 5, done))
        done += (300 if index % 2 else 50) * 300 * MBIT
    eta = estimate(10**12, NOW, measured=measure(samples), limits=Limits())
    assert isinstance(eta, Eta)
    assert eta.confidence == "low"
    assert eta.latest - NOW > 3 * (eta.earliest - NOW)


def test_one_reading_gives_the_services_estimate_with_low_confidence() -> None:
    eta = estimate(10**9, NOW, measured=None, service_seconds=600)
    assert isinstance(eta, Eta)
    assert eta.confidence == "low"
    assert eta.earliest < NOW + timedelta(seconds=600) < eta.latest
    assert "5 seconds" in eta.basis


@pytest.mark.parametrize("seconds", [None, 60_000, 0, -1])
def test_without_samples_and_without_a_usable_estimate_there_is_none(seconds: int | None) -> None:
    assert isinstance(estimate(10**9, NOW, measured=None, service_seconds=seconds), NoEta)


def test_a_copy_that_stands_still_has_no_estimate() -> None:
    standing = [sample(minute, 5) for minute in (0, 5, 10)]
    found = estimate(10**9, NOW, measured=measure(standing))
    assert isinstance(found, NoEta)
    assert found.reason.startswith("rate 0")


def test_a_deadline_fits_is_tight_or_is_missed() -> None:
    eta = Eta(NOW, NOW + timedelta(hours=1), "high", "")
    hours = timedelta(hours=1)
    fits = [eta.fit(NOW + n * hours) for n in (2, 1, 0.5, -1)]
    assert fits == ["fits", "fits", "tight", "misses"]


def test_a_limit_by_the_hour_is_counted_in_whatever_zone_the_source_is() -> None:
    half_the_day = Limits((Segment(0, 12 * 60, 10),))
    ends = half_the_day.finish(NOW, 6 * 3600 * 100 * MBIT, 100 * MBIT)
    assert ends is not None
    earliest, latest = ends
    assert earliest == NOW + timedelta(hours=6)  # where it is noon now
    assert latest > NOW + timedelta(hours=12)
    assert half_the_day.by_the_hour


def test_a_steady_limit_bounds_the_rate_exactly() -> None:
    limits = read_limits(
        RateLimits.read({"speed_limit": [{"start": "00:00", "end": "23:59", "speed": 20}]})
    )
    assert limits.steady_mbit_s == 20
    assert limits.finish(NOW, 3600 * 20 * MBIT, 100 * MBIT) == (NOW + timedelta(hours=1),) * 2


@pytest.mark.parametrize(
    "segment",
    [
        {"start": "00:00", "end": "23:59", "speed": 0},
        {"start": None, "end": "23:59", "speed": 5},
        {"start": "later", "end": "23:59", "speed": 5},
        {"start": "00:00", "end": "23:59", "speed": None},
        {},
    ],
)
def test_a_segment_without_meaning_is_no_limit(segment: dict[str, Any]) -> None:
    assert read_limits(RateLimits.read({"speed_limit": [segment]})) == Limits()


def test_a_segment_over_midnight_holds_on_both_sides() -> None:
    limits = read_limits(
        RateLimits.read({"speed_limit": [{"start": "22:00", "end": "06:00", "speed": 5}]})
    )
    assert limits.segments == (Segment(1320, 1440, 5), Segment(0, 360, 5))


@given(
    left=st.integers(1, 10**13),
    rate=st.floats(1e4, 1e9),
    limit=st.integers(1, 1_000),
    start=st.integers(0, 1_380),
    length=st.integers(1, 1_440),
)
def test_limits_never_make_a_copy_faster(
    left: int, rate: float, limit: int, start: int, length: int
) -> None:
    bounded = Limits((Segment(start, min(1_440, start + length), limit),)).finish(NOW, left, rate)
    free = Limits().finish(NOW, left, rate)
    worst = steady(limit).finish(NOW, left, rate)
    second = timedelta(seconds=1)
    if free and bounded:
        assert bounded[0] >= free[0] - second
    if worst and bounded:
        assert bounded[1] <= worst[1] + second


@pytest.mark.parametrize(
    ("speed", "mbit", "unit"),
    [(20, 160, "MB/s"), (160, 150, "Mbit/s"), (100, 300, "unknown"), (None, 5, "unknown")],
)
def test_the_unit_of_migrate_speed_is_judged_by_the_bytes(
    speed: float | None, mbit: float, unit: str
) -> None:
    assert speed_unit(speed, mbit) == unit


def test_the_services_rate_follows_from_its_own_remaining_time() -> None:
    assert service_mbit_s(1_000 * MBIT, 10) == 100
    assert service_mbit_s(1_000, 60_000) is None
