"""The calls of a plan as a person is shown them: by the very previews of the single calls.

When a plan is made, each call's preview gives it its losses, its costs, whether it launches, and
what must still be so when its turn comes. The same preview is read again for the dialog and right
before the call.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sms_tools.api import Api
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.effect import Launch
from sms_tools.fleet.renaming import Lately, Renames
from sms_tools.guard.cleaning import cleaned
from sms_tools.guard.drift import changes
from sms_tools.guard.previews import preview_of
from sms_tools.guard.subject import COSTS, LOSSES, Preview
from sms_tools.operation import JSON
from sms_tools.paging import at_once
from sms_tools.remediation.plan import Step
from sms_tools.text import one_line

_MOVES: Final = frozenset({"state", "stage", "connected", "verdict", "gates", "formatted"})
"""What a preview is bound to and a plan's own steps or the hours move: judged by `Before`, the
gates and the rules of the states instead."""
_OF_A_NEW_TASK: Final = ("source", "launch", "template")
"""What can be compared for a task that is created after its predecessor was deleted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One call's preview, or why there is none."""

    preview: Preview | None
    why: str = ""

    @property
    def state(self) -> Mapping[str, JSON]:
        """What it is bound to; empty without a preview."""
        return self.preview.state if self.preview else {}

    @property
    def launch(self) -> Launch:
        """Whether the call launches, as of this reading."""
        found = self.state.get("launch", "no")
        return found if found in ("no", "now", "after_copy") else "unknown"

    def lines(self, title: str) -> Sequence[str]:
        """The lines of the preview's section of this *title*."""
        sections = self.preview.sections if self.preview else ()
        return [line for section in sections if section.title == title for line in section.lines]


async def show(desk: Desk, steps: Sequence[Step]) -> Mapping[int, Shown]:
    """The previews of *steps* as things are now, by number; what cannot be read says why.

    A call on a task that an earlier step creates has none before that.
    """
    able = [step for step in steps if step.task_of is None]
    lately = await Renames(desk.state, desk.api.settings).lately(desk.now())
    found = await at_once([partial(_one, desk.api, step, lately) for step in able])
    return {step.number: shown for step, shown in zip(able, found, strict=True)}


async def _one(api: Api, step: Step, lately: Lately) -> Shown:
    try:
        # A plan is stored: no secret that a stranger's name may carry goes with it.
        shown = await preview_of(step.operation, api, lately, of_a_plan=True)
        return Shown(cleaned(shown, api.secret_values()))
    except SmsToolsError as error:
        return Shown(None, one_line(str(error), 200))


def written(step: Step, shown: Shown) -> Step:
    """*step* with what its preview tells: losses, costs, launch, and what it is bound to."""
    return replace(
        step,
        loses=_joined((*shown.lines(LOSSES), step.loses)),
        costs=_joined((*shown.lines(COSTS), step.costs)),
        launch=shown.launch,
        bound=bound_of(step, shown),
    )


def _joined(lines: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(line for line in lines if line))


def bound_of(step: Step, shown: Shown) -> Mapping[str, JSON]:
    """What was shown of *step* and does not move by itself, in the form of stored JSON."""
    still: dict[str, JSON] = _still(shown.state)
    if step.tool == "create_migration_task":
        still = {name: still[name] for name in _OF_A_NEW_TASK if name in still}
    plain: dict[str, JSON] = json.loads(json.dumps(still, default=str))
    return plain


def _still(value: JSON) -> JSON:
    if isinstance(value, Mapping):
        return {key: _still(each) for key, each in value.items() if key not in _MOVES}
    return list(value) if isinstance(value, tuple) else value


def moved(step: Step, shown: Shown) -> str | None:
    """What of that which *step* was shown with is another now, in words; None if nothing is."""
    if step.bound is None:
        return None
    if shown.preview is None:
        return shown.why
    now = bound_of(step, shown)
    if now == step.bound:
        return None
    return f"What was shown has changed: {'; '.join(changes(step.bound, now))}."
