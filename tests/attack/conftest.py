"""What the guard's own tests have, for those who attack it; and how many of them got through."""

import pytest

from tests.guard.conftest import answers, approvals, audit, clock, guard, thing

__all__ = ["answers", "approvals", "audit", "clock", "guard", "thing"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many attempts were made; one that did not end as its sentence says got through."""
    ended = {
        outcome: [
            report
            for report in terminalreporter.stats.get(outcome, ())
            if report.nodeid.startswith("tests/attack/")
        ]
        for outcome in ("passed", "failed", "error")
    }
    through = len(ended["failed"]) + len(ended["error"])
    if made := len(ended["passed"]) + through:
        terminalreporter.write_line(f"{made:,} attempts, {through} through")
