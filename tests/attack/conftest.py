"""What the guard's own tests have, for those who attack it."""

from tests.guard.conftest import answers, approvals, audit, clock, guard, state, thing

__all__ = ["answers", "approvals", "audit", "clock", "guard", "state", "thing"]
