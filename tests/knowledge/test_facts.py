"""The facts: present, sourced, and in agreement with the error codes."""

import pytest

from sms_tools.knowledge import explain
from sms_tools.knowledge import facts as known


def test_every_fact_is_a_sentence_with_an_origin() -> None:
    for fact in known.facts():
        assert fact.text.endswith(".")
        assert fact.origin in ("reference", "faq", "field", "ours")


def test_facts_are_found_by_topic() -> None:
    assert known.facts("launch")
    assert all(fact.topic == "billing" for fact in known.facts("billing"))
    assert known.facts("astrology") == ()


def test_the_codes_that_mean_a_full_copy_agree_with_the_error_codes() -> None:
    assert all(explain(code).full_copy_again for code in known.FULL_COPY_CODES)


def test_the_codes_of_a_network_event_are_known() -> None:
    assert all(explain(code).known for code in known.NETWORK_EVENT_CODES)
    assert known.AUTO_RECOVERY_CODES <= known.NETWORK_EVENT_CODES


@pytest.mark.parametrize(
    ("os_type", "migration_type", "ports"),
    [
        ("LINUX", "MIGRATE_FILE", (22,)),
        ("linux", "MIGRATE_BLOCK", (22, 8900)),
        ("LINUX", None, (22, 8900)),
        ("WINDOWS", "MIGRATE_BLOCK", (22, 8899, 8900)),
        (None, None, (22, 8899, 8900)),
    ],
)
def test_the_ports_depend_on_system_and_kind_of_migration(
    os_type: str | None, migration_type: str | None, ports: tuple[int, ...]
) -> None:
    assert known.migration_ports(os_type, migration_type) == ports
