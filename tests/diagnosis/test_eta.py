"""The arithmetic of estimates: ranges from samples, limits by the hour, and honest noes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.diagnosis.company import ALONE, Company, company_of
from sms_tools.diagnosis.eta import Eta, NoEta, estimate, measure, service_mbit_s, speed_unit
from sms_tools.diagnosis.limits import Limits, Segment, read_limits, steady
from sms_tools.fleet.samples import Sample
from sms_tools.operations.tasks import RateLimits

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)  # a Tuesday
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
    return [sample(at, round((at + 5_000) * 60 * mbit * MBIT)) for at in minutes]


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
    assert eta.holds(NOW + timedelta(hours=1))
    assert eta.confidence in ("medium", "low")
    assert "8 own samples" in eta.basis


BLOCKS = "MIGRATE_LINUX_BLOCK"


def watched(hours: float, *, step: str = BLOCKS, left: int = 10**11, **other: Any) -> Eta:
    series = [replace(each, step=step) for each in steadily(*range(round(-60 * hours), 1, 10))]
    known: dict[str, Any] = {"limits": Limits(), "company": ALONE, "total": 10**12, **other}
    found = estimate(left, NOW, measured=measure(series), **known)
    assert isinstance(found, Eta)
    return found


def test_confidence_is_high_only_after_a_whole_day_alone_and_under_known_limits() -> None:
    assert watched(24).confidence == "high"
    assert watched(20).confidence == "medium"  # it will be done in hours nobody has watched
    assert watched(24, company=Company("untold", 3)).confidence == "medium"
    assert watched(24, company=Company("shared", 3)).confidence == "medium"
    assert watched(24, company=Company("independent", 3)).confidence == "high"
    assert watched(24, limits=None).confidence == "medium"


def test_what_ends_within_a_watched_hour_needs_no_whole_day_but_three_hours() -> None:
    an_hour_ago = NOW + timedelta(minutes=40)
    for hours, confidence in ((3.5, "high"), (2, "medium")):
        series = steadily(*range(round(40 - 60 * hours), 41, 10))
        rate = measure([replace(each, step=BLOCKS) for each in series])
        eta = estimate(10**10, an_hour_ago, measured=rate, limits=Limits(), company=ALONE)
        assert isinstance(eta, Eta)
        assert eta.confidence == confidence


@pytest.mark.parametrize(
    ("now", "hours", "confidence"),
    [
        (datetime(2026, 1, 7, 12, tzinfo=UTC), 20, "high"),  # Wednesday, done on Thursday
        (datetime(2026, 1, 9, 12, tzinfo=UTC), 20, "medium"),  # Friday, done on Saturday
        (datetime(2026, 1, 11, 6, tzinfo=UTC), 36, "medium"),  # Sunday, done on Monday
    ],
)
def test_days_unlike_those_that_were_watched_are_not_taken_for_granted(
    now: datetime, hours: float, confidence: str
) -> None:
    a_day = steadily(*range(-1440, 1, 10))
    series = [replace(each, step=BLOCKS, at=each.at - NOW + now) for each in a_day]
    left = round(hours * 3600 * 100 * MBIT)
    eta = estimate(left, now, measured=measure(series), limits=Limits(), company=ALONE)
    assert isinstance(eta, Eta)
    assert eta.confidence == confidence
    assert ("weekend" in eta.basis) == (confidence != "high")
    assert eta.holds(now + timedelta(hours=hours))


def test_a_rate_for_each_hour_of_the_week_bounds_the_end() -> None:
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    idle_weekend = [100 * MBIT] * 120 + [0] * 48
    work = 4 * 24 * 3600 * 100 * MBIT
    assert Limits().finish(monday, work, idle_weekend) == (monday + timedelta(days=4),) * 2
    friday = monday + timedelta(days=4)  # a day is left of this week
    assert Limits().finish(friday, work, idle_weekend) == (monday + timedelta(days=10),) * 2


def test_a_copy_by_files_is_not_of_high_confidence_before_its_slow_end() -> None:
    eta = watched(24, step="MIGRATE_LINUX_FILE")
    assert eta.confidence != "high"
    assert "slower end" in eta.basis
    assert eta.latest > watched(24).latest + timedelta(hours=2)


def test_after_the_slow_end_has_come_only_its_own_rate_counts() -> None:
    fast = steadily(*range(-4800, -1499, 10), mbit=300)
    done = fast[-1].done_bytes or 0
    slow = [sample(at, done + (at + 1500) * 60 * 50 * MBIT) for at in range(-1490, 1, 10)]
    total = round((slow[-1].done_bytes or 0) / 0.9)
    series = [replace(each, total_bytes=total) for each in [*fast, *slow]]
    rate = measure(series)
    assert rate is not None
    assert rate.slowed
    assert rate.mbit_s == 50
    left = 10**10
    eta = estimate(left, NOW, measured=rate, limits=Limits(), company=ALONE, total=total)
    assert isinstance(eta, Eta)
    assert eta.confidence == "high"
    assert eta.holds(NOW + timedelta(seconds=left / (50 * MBIT)))


DAY_LIMIT = Limits((Segment(8 * 60, 20 * 60, 100),))


def test_where_a_limit_by_the_hour_bound_it_the_earliest_end_is_not_known() -> None:
    eta = watched(24, limits=DAY_LIMIT)  # 100 Mbit/s is what the limit lets through
    assert eta.confidence == "low"
    assert eta.earliest is None
    assert eta.as_data()["earliest"] is None
    assert not eta.holds(eta.latest - timedelta(minutes=1))
    assert eta.fit(NOW) == "tight"  # it cannot be said to miss any time
    assert eta.fit(eta.latest) == "fits"


def test_the_rate_of_hours_without_the_limit_is_used_where_it_was_seen() -> None:
    slow = steadily(*range(-400, -199, 10), mbit=20)
    done = slow[-1].done_bytes or 0
    fast = [sample(at, done + (at + 200) * 60 * 150 * MBIT) for at in range(-190, 1, 10)]
    limits = Limits((Segment(8 * 60, 20 * 60, 20),))
    left = 8 * 3600 * 150 * MBIT
    eta = estimate(left, NOW, measured=measure([*slow, *fast]), limits=limits, company=ALONE)
    assert isinstance(eta, Eta)
    assert eta.confidence == "low"
    assert eta.earliest is not None
    # At 20 Mbit/s it would be days; the night is known to be faster.
    assert eta.earliest <= NOW + timedelta(hours=8) <= eta.latest


def test_limits_far_above_the_rate_are_none() -> None:
    assert watched(24, limits=Limits((Segment(480, 1200, 900),))).confidence == "high"


def other(first: int, last: int, mbit: float) -> list[Sample]:
    copying = [
        sample(at, round((at - first) * 60 * mbit * MBIT), task_id="o")
        for at in range(first, last + 1, 10)
    ]
    return [*copying, sample(last + 10, None, phase="syncing", task_id="o")]


def test_a_rate_that_changes_where_another_copy_ends_shows_a_shared_line() -> None:
    before = steadily(*range(-400, -199, 10), mbit=50)
    done = before[-1].done_bytes or 0
    after = [sample(at, done + (at + 200) * 60 * 100 * MBIT) for at in range(-190, 1, 10)]
    assert company_of([*before, *after], [other(-400, -200, 50)]).dependence == "shared"


def test_a_rate_that_stays_where_another_copy_ends_shows_none() -> None:
    mine = steadily(*range(-400, 1, 10))
    assert company_of(mine, [other(-400, -200, 50)]).dependence == "independent"
    assert company_of(mine, []).dependence == "alone"


def test_where_nothing_happened_or_not_all_were_read_nothing_is_told() -> None:
    mine = steadily(*range(-400, 1, 10))
    going_on = other(-500, 0, 50)[:-1]
    assert company_of(mine, [going_on]) == Company("untold", 1)
    assert company_of(mine, [], everything=False).dependence == "untold"
    assert company_of(mine, [], to_come=True).dependence == "untold"


def test_rates_that_rise_and_fall_against_each_other_show_a_shared_line() -> None:
    mine, theirs, done = [], [], [0.0, 0.0]
    for index in range(40):
        mine.append(sample(index * 10 - 400, round(done[0])))
        theirs.append(sample(index * 10 - 400, round(done[1]), task_id="o"))
        part = 80 if index % 4 < 2 else 40
        done = [done[0] + part * 600 * MBIT, done[1] + (120 - part) * 600 * MBIT]
    assert company_of(mine, [theirs]).dependence == "shared"


def test_noise_that_lasts_widens_the_range_more_than_noise_that_does_not() -> None:
    widths = []
    for length in (1, 12):
        done, series = 0.0, []
        for index in range(145):
            series.append(sample(index * 10 - 1440, round(done), step=BLOCKS))
            done += (80 if index // length % 2 else 120) * 600 * MBIT
        eta = estimate(10**12, NOW, measured=measure(series), limits=Limits(), company=ALONE)
        assert isinstance(eta, Eta)
        assert eta.earliest is not None
        widths.append(eta.latest - eta.earliest)
    assert widths[1] > 1.5 * widths[0]


def test_an_even_hour_after_an_uneven_one_is_not_taken_for_an_even_day() -> None:
    slow = steadily(*range(-240, -115, 5), mbit=20)
    start = slow[-1].done_bytes or 0
    fast = [sample(at, start + (at + 115) * 60 * 100 * MBIT) for at in range(-110, 1, 5)]
    eta = estimate(10**12, NOW, measured=measure([*slow, *fast]), limits=Limits())
    assert isinstance(eta, Eta)
    assert eta.confidence != "high"
    assert eta.earliest is not None
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
    assert eta.earliest is not None
    assert eta.latest - NOW > 3 * (eta.earliest - NOW)


def test_one_reading_gives_the_services_estimate_with_low_confidence() -> None:
    eta = estimate(10**9, NOW, measured=None, service_seconds=600)
    assert isinstance(eta, Eta)
    assert eta.confidence == "low"
    assert eta.holds(NOW + timedelta(seconds=600))
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


@given(
    gaps=st.lists(st.floats(0.01, 3_000), min_size=3, max_size=40),
    parts=st.lists(st.integers(0, 10**13), min_size=40, max_size=40),
    left=st.integers(0, 10**16),
    total=st.integers(1, 10**17),
    segments=st.lists(
        st.tuples(st.integers(0, 1439), st.integers(1, 1440), st.floats(0.001, 1e5)), max_size=3
    ),
    dependence=st.sampled_from(["alone", "independent", "shared", "untold"]),
)
@settings(deadline=None)
def test_whatever_was_seen_a_range_lies_ahead_and_in_order(
    gaps: list[float],
    parts: list[int],
    left: int,
    total: int,
    segments: list[tuple[int, int, float]],
    dependence: Any,
) -> None:
    series, minute, done = [], -sum(gaps), 0
    for gap, part in zip(gaps, parts, strict=False):
        series.append(sample(minute, done, total_bytes=total))
        minute, done = minute + gap, done + part
    limits = Limits(tuple(Segment(a, b, speed) for a, b, speed in segments if a < b))
    company = Company(dependence, 3)
    found = estimate(
        left, NOW, measured=measure(series), limits=limits, company=company, total=total
    )
    if isinstance(found, Eta):
        assert found.latest >= NOW
        assert found.earliest is None or NOW <= found.earliest <= found.latest
    else:
        assert found.reason
