"""The embedded service: all documented operations and IAM's token call, in memory.

    sandbox = open_sandbox("mixed")
    client = httpx.AsyncClient(transport=sandbox.transport(), base_url="https://sms.example")

The same over HTTP: ``async with serving(sandbox) as address: …``.

Importing this package is free; a name is looked up in its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sms_tools.sandbox.clocks import AcceleratedClock, Clock, ManualClock
    from sms_tools.sandbox.faults import Effect, Fault, Faults
    from sms_tools.sandbox.http import serve, serving
    from sms_tools.sandbox.iam import User
    from sms_tools.sandbox.opening import Sandbox, open_sandbox
    from sms_tools.sandbox.transport import SandboxTransport

__all__ = [
    "AcceleratedClock",
    "Clock",
    "Effect",
    "Fault",
    "Faults",
    "ManualClock",
    "Sandbox",
    "SandboxTransport",
    "User",
    "open_sandbox",
    "serve",
    "serving",
]

_HOMES = {
    "AcceleratedClock": "clocks",
    "Clock": "clocks",
    "Effect": "faults",
    "Fault": "faults",
    "Faults": "faults",
    "ManualClock": "clocks",
    "Sandbox": "opening",
    "SandboxTransport": "transport",
    "User": "iam",
    "open_sandbox": "opening",
    "serve": "http",
    "serving": "http",
}


def __getattr__(name: str) -> Any:
    """Import the module that *name* lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
