"""The words, marks and colours of phases, needs and verdicts: the same on every surface.

The colours are Okabe and Ito's, which people who see few colours tell apart, darkened or lightened
until each stands out from its ground by 3:1. A mark goes with each, so that none is needed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sms_tools.knowledge.states import Phase


@dataclass(frozen=True, slots=True)
class Look:
    """How one word is shown."""

    words: str
    mark: str
    light: str
    """Its colour on a light ground, and in print."""
    dark: str


PHASES: Final[Mapping[Phase, Look]] = {
    "failed": Look("failed", "✕", "#b3261e", "#f2867d"),
    "unavailable": Look("not fit to migrate", "⊘", "#8c4a00", "#f0a860"),
    "unknown": Look("unknown", "?", "#6b6b6b", "#a6a6a6"),
    "paused": Look("paused", "‖", "#7a6a00", "#d8c75a"),
    "waiting": Look("waiting", "○", "#75788a", "#9aa0b4"),
    "initializing": Look("being prepared", "◔", "#3d7ea6", "#8cc4e8"),
    "replicating": Look("in the full copy", "▶", "#0060a8", "#5eb1f2"),
    "syncing": Look("in continuous sync", "↻", "#00735c", "#4fc9a8"),
    "cloning": Look("being cloned", "⊞", "#8a4f9e", "#d3a2e4"),
    "cutting_over": Look("being launched", "⇥", "#a1336e", "#ee94c2"),
    "finished": Look("finished", "✓", "#2e6b2e", "#8ccf8c"),
    "deleting": Look("being deleted", "−", "#5c4a42", "#bda99f"),
}
"""By phase, in the order of the bar: what needs a person first, what is done last."""

NEEDS: Final[Mapping[str, str]] = {
    "failed": "failed",
    "paused_by_an_error": "paused by an error",
    "stuck": "stuck",
    "agent_offline": "Agent offline",
    "not_fit": "not fit to migrate",
    "rehearsal_failed": "rehearsal failed",
    "misses_the_deadline": "misses the deadline",
    "gate_fails": "a gate fails",
    "inconsistent": "copy differs",
    "not_converging": "sync does not catch up",
    "phase_unknown": "phase unknown",
    "perhaps_stuck": "may be stuck",
    "may_miss_the_deadline": "may miss the deadline",
    "gate_unknown": "a gate is unknown",
    "throttled": "held back by a limit",
}
"""What a server needs a person for, in words; the keys are those of ``diagnosis.picture``."""

VERDICTS: Final[Mapping[str, Look]] = {
    "pass": Look("passes", "✓", "#2e6b2e", "#8ccf8c"),
    "fail": Look("fails", "✕", "#b3261e", "#f2867d"),
    "unknown": Look("unknown", "?", "#6b6b6b", "#a6a6a6"),
}
"""Of a gate before a launch."""

GATES: Final[Mapping[str, str]] = {
    "stage_syncing": "Stage is sync",
    "state_syncing": "State is syncing",
    "agent_connected": "Agent connected",
    "no_error": "No error",
    "launch_allowed": "Launch allowed",
    "full_copy_done": "Full copy done",
    "last_sync_done": "Last sync recent",
    "no_clone_in_progress": "No clone running",
    "consistency_clean": "Copy consistent",
    "nothing_left_out": "Nothing left out",
    "no_failed_rehearsal": "Rehearsal",
    "environment_checks": "Checks",
}
"""The gates before a launch, in a few words; one that is not here is shown by its own name."""

VERIFICATIONS: Final[Mapping[str, str]] = {
    "clean": "clean",
    "warning": "more on the target",
    "inconsistent": "differs",
    "partial": "in part",
    "stale": "out of date",
    "never": "never verified",
    "unreadable": "unreadable",
}

UNKNOWN: Final = "not known"
"""What stands where nothing was read."""


def as_data() -> dict[str, Any]:
    """All of it as plain data, for the page."""
    return {
        "phases": {name: asdict(look) for name, look in PHASES.items()},
        "needs": dict(NEEDS),
        "verdicts": {name: asdict(look) for name, look in VERDICTS.items()},
        "gates": dict(GATES),
        "verifications": dict(VERIFICATIONS),
    }
