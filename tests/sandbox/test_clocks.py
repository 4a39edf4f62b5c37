from datetime import UTC, datetime

import pytest

from sms_tools.sandbox.clocks import AcceleratedClock, ManualClock


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    before = clock()
    assert clock() == before
    clock.advance(90)
    assert clock() == before + 90
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_an_accelerated_clock_starts_with_its_base_and_runs_ahead_of_it() -> None:
    base = ManualClock()
    fast = AcceleratedClock(base, 60)
    assert fast() == base()
    start = base()
    base.advance(2)
    assert fast() == start + 120


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_clock_without_a_positive_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        AcceleratedClock(ManualClock(), speed)
