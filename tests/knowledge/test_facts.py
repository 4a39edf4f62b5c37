"""The facts: each used by somebody, and in agreement with the error codes."""

import re
from pathlib import Path

import pytest

import sms_tools
from sms_tools.knowledge import explain
from sms_tools.knowledge import facts as known

PACKAGE = Path(sms_tools.__file__).parent


def test_no_fact_is_kept_that_nobody_uses() -> None:
    own = PACKAGE / "knowledge" / "facts.py"
    names = [name for name in vars(known) if re.fullmatch(r"[A-Z][A-Z_0-9]+", name)]
    text = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py") if path != own)
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_the_codes_of_a_network_event_are_known() -> None:
    assert all(explain(code).known for code in known.NETWORK_EVENT_CODES)


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


def test_a_firewall_rule_is_for_the_address_that_the_target_sees() -> None:
    assert known.as_the_target_sees("192.168.10.4") == (
        "the address with which it leaves (its record says 192.168.10.4)"
    )
    assert known.as_the_target_sees(None) == "the address with which it leaves"
