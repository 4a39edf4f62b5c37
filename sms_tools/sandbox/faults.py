"""Faults that a test or a person switches on: the sandbox misbehaves the way a network does.

A :class:`Fault` says what goes wrong, for which operation, how often. ``Faults`` keeps those that
are on and says, per request, which of them strike. Nothing here sleeps or draws from a global
random source: whoever makes the sandbox passes both in.

On the command line a fault is one word of the list below, then what narrows it::

    503,operation=list_source_servers,times=2        503 twice, on one operation
    429,retry_after=3                                 throttled, with the seconds to wait
    latency=0.8,probability=0.2                       every fifth request takes 0.8 s longer
    SMS.9001,operation=get_migration_rate_limits      the service refuses, with that code
    cut-before | cut-after | truncate | unreachable   see :class:`Effect`
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Self

HIGHEST_LATENCY = 600.0
"""Seconds."""


class Effect(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"
    """The reply comes ``seconds`` later."""
    STATUS = "status"
    """The gateway answers ``status`` (429 or 5xx) itself: the service never sees the request."""
    REFUSAL = "refusal"
    """The service refuses with ``code`` instead of acting: some valid reads are known to fail."""
    UNREACHABLE = "unreachable"
    """No connection comes about: the service never sees the request, and the client can tell.

    Over HTTP a listening port cannot pretend that it is closed: there it is ``cut-before``."""
    CUT_BEFORE = "cut-before"
    """The connection breaks before the service acts."""
    CUT_AFTER = "cut-after"
    """The service acts, then the connection breaks without a reply."""
    TRUNCATE = "truncate"
    """The service acts; half of the reply's body arrives, then the connection breaks."""


_WORDS = [effect.value for effect in Effect if effect not in (Effect.STATUS, Effect.REFUSAL)]
_CODE = re.compile(r"SMS\.\d{4}")


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    ``operation`` is the name of a tool (``iam_token`` for the token call); None strikes any.
    ``times`` is how often it still strikes; None is for ever. ``probability`` is in [0, 1].
    """

    effect: Effect
    operation: str | None = None
    times: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    code: str = ""

    def __post_init__(self) -> None:
        """Refuse what could never strike or would never end.

        Raises:
            ValueError: a number is outside its range.
        """
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if not 0 <= self.seconds <= HIGHEST_LATENCY:
            raise ValueError(f"latency must be between 0 and {HIGHEST_LATENCY:.0f} seconds")
        if self.effect is Effect.STATUS and not (self.status == 429 or 500 <= self.status <= 599):
            raise ValueError("a fault's status must be 429 or between 500 and 599")
        if (self.effect is Effect.REFUSAL) != bool(_CODE.fullmatch(self.code)):
            raise ValueError("a refusal, and nothing else, has a code like SMS.9001")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The fault that *text* describes, as on the command line.

        Raises:
            ValueError: *text* does not describe a fault.
        """
        what, *options = text.strip().split(",")
        name, _, value = what.partition("=")
        fields: dict[str, str] = {}
        for option in options:
            key, equals, its_value = option.partition("=")
            if key not in ("operation", "times", "probability", "retry_after") or not equals:
                raise ValueError(f"unknown option {option!r} of a fault")
            fields[key] = its_value
        status = 503
        if name.isdigit():
            effect, status = Effect.STATUS, int(name)
        elif _CODE.fullmatch(name):
            effect = Effect.REFUSAL
        elif name in _WORDS:
            effect = Effect(name)
        else:
            known = ", ".join(["a status (429, 5xx)", "a code (SMS.9001)", *_WORDS])
            raise ValueError(f"unknown fault {name!r}; it is one of {known}")
        return cls(
            effect,
            operation=fields.get("operation"),
            times=int(fields["times"]) if "times" in fields else None,
            probability=float(fields.get("probability", 1)),
            seconds=float(value or 1) if effect is Effect.LATENCY else 0.0,
            status=status,
            retry_after=int(fields["retry_after"]) if "retry_after" in fields else None,
            code=name if effect is Effect.REFUSAL else "",
        )


class Faults:
    """The faults that are on. *random* decides those that strike now and then."""

    def __init__(self, random: Random, faults: Iterable[Fault] = ()) -> None:
        """Start with *faults* on."""
        self._random = random
        self._on = list(faults)

    def add(self, fault: Fault) -> None:
        """Switch *fault* on, after those that are on already."""
        self._on.append(fault)

    def clear(self) -> None:
        """Switch every fault off."""
        self._on.clear()

    def strike(self, operation: str) -> list[Fault]:
        """The faults that hit this request of *operation*; each of them is used up by one."""
        struck = []
        for fault in list(self._on):
            if fault.operation not in (None, operation):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            struck.append(fault)
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self._on.remove(fault)
        return struck
