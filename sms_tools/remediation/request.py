"""What a goal works with: the servers, and what the person asked for besides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import SOAK, Server
from sms_tools.operations.tasks.progress import RateLimitSetting
from sms_tools.wording import count_of

Goal = Literal[
    "retry_failed",
    "resume_paused",
    "fix_rate_window",
    "rebuild",
    "rehearse_cutover",
    "cut_over",
    "back_out",
    "clean_up",
    "measure_network",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One question for a plan, with the servers that it is about."""

    desk: Desk
    servers: Sequence[Server]
    by_name: bool = False
    """Whether the person named these very servers."""
    narrowed: bool = False
    """Whether the person chose them in any way: by name, project or code."""
    chosen: bool = False
    """Whether the person chose them by name or project."""
    limits: Sequence[RateLimitSetting] | None = None
    template_id: str | None = None
    soak: timedelta = SOAK
    """How long ago a launch has to be before clean-up may take the task."""
    deadline: datetime | None = None
    """When the window of a launch ends."""

    def need_a_choice(self, doing: str) -> None:
        """Refuse to act on the whole account where the person must choose.

        Raises:
            RequestRefused: neither servers nor a project were named.
        """
        if not self.chosen:
            raise RequestRefused(
                f"{doing} is planned for servers or a project that a person names, never for all.",
                advice=f"Ask which ones; {count_of(len(self.servers), 'server')} could be meant.",
            )
