"""Looking again and again after a call, for as long as one run of a plan lasts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.remediation.looking import Look, Verdict, judge, look
from sms_tools.remediation.plan import Step

BUDGET: Final = 45.0
"""Seconds that one run takes at most: clients give up after a minute."""
LAST_BEGINNING: Final = 30.0
"""Seconds after which no further step is begun in a run."""
POLLS: Final = (2.0, 5.0, 10.0, 15.0, 30.0)
"""Seconds between the looks after a call."""
SETTLE: Final = 30.0
"""Seconds that started tasks are given before they are looked at once more."""
LAST_POLLS: Final[Mapping[str, Sequence[float]]] = {
    "launched": (30.0,) * 20,
    "cloned": (30.0,) * 20,
    "task_gone": (15.0,) * 8,
    "paused": (15.0,) * 8,
    "running": (30.0,) * 2,
    "created": (15.0,) * 4,
    "measured": (30.0,) * 12,
}
"""Seconds between the looks at the end of a plan, where something still goes on."""
SETTINGS: Final[Mapping[str, Sequence[float]]] = {"limits": POLLS[:2], "options": POLLS[:2]}
"""What is set is there at once, or cannot be read back."""
ENDED: Final[Collection[Verdict]] = ("seen", "failed")
"""Nothing more comes of a step then."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The time of one run, and the looks within it."""

    desk: Desk
    began: float = 0.0
    """When the run began, in the desk's `elapsed`: the person's time to answer is not in it."""

    @property
    def left(self) -> float:
        """Seconds of this run that are left."""
        return BUDGET - (self.desk.elapsed() - self.began)

    async def wait(
        self,
        step: Step,
        pauses: Sequence[float],
        found: Look | None = None,
        *,
        enough: Collection[Verdict] = ENDED,
    ) -> tuple[Verdict, Look]:
        """Look until what was wanted is seen, has failed, or *pauses* or the time are used up."""
        found = found or await self._look_or_unknown(step)
        for pause in pauses:
            verdict = judge(step, found)
            if verdict in enough:
                return verdict, found
            if self.left < pause:
                break
            await self.desk.sleep(pause)
            found = await self._look_or_unknown(step)
        return judge(step, found), found

    async def look(self, step: Step) -> Look:
        """What is there now.

        Raises:
            SmsToolsError: it cannot be read.
        """
        return await look(self.desk.api, step, self.desk.now())

    async def _look_or_unknown(self, step: Step) -> Look:
        """What is there now; where it cannot be read after a call, nothing is claimed."""
        try:
            return await self.look(step)
        except SmsToolsError:
            return Look(self.desk.now())
