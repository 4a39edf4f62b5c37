from random import Random

import pytest

from sms_tools.sandbox.faults import Effect, Fault, Faults


def faults_with(*on: Fault, seed: int = 1) -> Faults:
    return Faults(Random(seed), on)  # noqa: S311 (which request fails is no secret)


def test_no_fault_strikes_until_one_is_switched_on() -> None:
    assert faults_with().strike("list_migration_tasks") == []


def test_a_fault_strikes_only_the_operation_that_it_names() -> None:
    faults = faults_with(Fault(Effect.CUT_AFTER, operation="delete_template"))
    assert faults.strike("list_templates") == []
    assert [fault.effect for fault in faults.strike("delete_template")] == [Effect.CUT_AFTER]


def test_a_fault_strikes_as_often_as_it_says_and_then_no_more() -> None:
    faults = faults_with(Fault(Effect.STATUS, times=2))
    assert [len(faults.strike("get_template")) for _ in range(4)] == [1, 1, 0, 0]


def test_a_probable_fault_follows_the_random_source_that_was_passed_in() -> None:
    def history(seed: int) -> list[int]:
        faults = faults_with(Fault(Effect.LATENCY, probability=0.5), seed=seed)
        return [len(faults.strike("get_template")) for _ in range(200)]

    assert history(7) == history(7)
    assert 60 < sum(history(7)) < 140


def test_cleared_faults_strike_no_more() -> None:
    faults = faults_with()
    faults.add(Fault(Effect.TRUNCATE))
    faults.clear()
    assert faults.strike("get_template") == []


def test_a_fault_is_written_as_a_word_and_what_narrows_it() -> None:
    assert Fault.parse("503,operation=list_source_servers,times=2") == Fault(
        Effect.STATUS, operation="list_source_servers", times=2, status=503
    )
    assert Fault.parse("429,retry_after=3") == Fault(Effect.STATUS, status=429, retry_after=3)
    assert Fault.parse("latency=0.8,probability=0.2") == Fault(
        Effect.LATENCY, seconds=0.8, probability=0.2
    )
    assert Fault.parse("cut-after") == Fault(Effect.CUT_AFTER)
    assert Fault.parse("SMS.9001,operation=get_migration_rate_limits") == Fault(
        Effect.REFUSAL, operation="get_migration_rate_limits", code="SMS.9001"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "418",
        "slow",
        "status",
        "503,times=0",
        "503,often",
        "latency=1e9",
        "cut-after,p=1",
        "SMS.9",
    ],
)
def test_a_text_that_describes_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|times|latency"):
        Fault.parse(text)
