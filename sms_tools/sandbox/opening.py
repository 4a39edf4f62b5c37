"""Putting a sandbox together: a scenario's cloud, a clock, a gateway, and what misbehaves."""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import anyio

from sms_tools.sandbox.clocks import AcceleratedClock, Clock
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.faults import Faults
from sms_tools.sandbox.gateway import Gateway
from sms_tools.sandbox.iam import Iam, User
from sms_tools.sandbox.scenarios import build
from sms_tools.sandbox.service import Service
from sms_tools.signing import KeyPair

if TYPE_CHECKING:
    from sms_tools.sandbox.http import App
    from sms_tools.sandbox.transport import SandboxTransport


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The service and what a test or a person may reach behind its back."""

    service: Service
    clock: Clock
    """The sandbox's own time, in epoch seconds."""

    @property
    def cloud(self) -> Cloud:
        """The account: its servers, tasks and rules."""
        return self.service.cloud

    @property
    def identity(self) -> str:
        """Scenario, servers and seed, such as ``mixed, seed 1``."""
        return self.service.identity

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose; nothing at first."""
        return self.service.faults

    @property
    def iam(self) -> Iam:
        """Who may call."""
        return self.service.iam

    def transport(self) -> "SandboxTransport":
        """A transport for ``httpx.AsyncClient``; any number of them reach the same account."""
        from sms_tools.sandbox.transport import SandboxTransport

        return SandboxTransport(self.service)

    def app(self) -> "App":
        """The same account as an ASGI application."""
        from sms_tools.sandbox.http import app

        return app(self.service)


def open_sandbox(
    scenario: str = "mixed",
    servers: int | None = None,
    seed: int = 1,
    speed: float = 60.0,
    clock: Clock = time.time,
    key_pair: KeyPair | None = None,
    *,
    user: User | None = None,
    tokens: Collection[str] = (),
    sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
) -> Sandbox:
    """Open a sandbox; nothing of it outlives the process.

    Args:
        scenario: what the account holds at first.
        servers: how many source servers, where the scenario leaves it open.
        seed: the same seed gives the same account and the same chance.
        speed: how fast the sandbox's time runs, as a multiple of *clock*'s.
        clock: the caller's time in epoch seconds. Signatures and tokens are judged by it.
        key_pair: what signatures are verified against; None accepts any well-formed one.
        user: the one IAM user who gets a token; None accepts any.
        tokens: values of ``X-Auth-Token`` that are accepted without being issued.
        sleep: waits so many seconds; only latency faults use it.

    Raises:
        ValueError: an unknown scenario, or a number out of range.
    """
    inner = clock if speed == 1 else AcceleratedClock(clock, speed)
    iam = Iam(clock, user, tokens)
    service = Service(
        cloud=build(scenario, now=inner, servers=servers, seed=seed),
        iam=iam,
        gateway=Gateway(clock, iam, key_pair),
        faults=Faults(Random(seed)),  # noqa: S311 (which request fails is no secret)
        now=clock,
        sleep=sleep,
    )
    return Sandbox(service, inner)
