"""What a call really does to a server: judged by its stage and its task's settings, not its name.

`start` on a server that failed while cutting over *is* the launch; `start` on a task that does not
keep synchronising launches without asking when the copy ends; the first start on an existing ECS
erases its disks. Previews, plans, dialogs and suggestions all ask here, so they say the same.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sms_tools.fleet.server import Server
from sms_tools.knowledge.states import LEGAL_STATES

Launch = Literal["no", "now", "after_copy", "unknown"]
"""Whether the target is launched: at once, without a further question when the copy ends, or
nobody can tell."""

_ALIASES: Final = {"cutover": "test"}
_HARMLESS: Final = frozenset({"stop", "network_check"})


@dataclass(frozen=True, slots=True)
class Effect:
    """What one action would do to one server as it is now."""

    action: str
    launch: Launch = "no"
    erases: bool | None = False
    """Whether the disks of an existing target are formatted; None where nobody can tell."""
    makes_target: bool = False
    """Whether an ECS is created, and billed."""
    overwrites_target: bool = False
    """Whether what a launched target has written since is overwritten."""
    clones: bool = False
    """Whether a further ECS is created, and billed until somebody deletes it."""

    @property
    def launches(self) -> bool:
        """Whether a person has to know it as a launch: also where that cannot be ruled out."""
        return self.launch != "no"

    @property
    def is_unverified_launch(self) -> bool:
        """Whether the target is launched when the copy ends, with nobody asked and no gate."""
        return self.launch in ("after_copy", "unknown")

    def words(self) -> str:
        """The launch in one sentence; empty where there is none."""
        return _LAUNCH_WORDS.get(self.launch, "")


_LAUNCH_WORDS: Final = {
    "now": "This launches the target: it is the cutover.",
    "after_copy": (
        "The task does not keep synchronising, so the target launches automatically, unverified, "
        "when the copy ends. No one is asked again."
    ),
    "unknown": (
        "Whether this launches the target, now or when the copy ends, could not be read; it may, "
        "unverified, and no one is asked again."
    ),
}


def effect_of(server: Server, action: str) -> Effect:
    """What *action* (an operation of manage_migration_task) would do to *server* now."""
    action = _ALIASES.get(action, action)
    if action in _HARMLESS:
        return Effect(action)
    if action == "start":
        return _start(server)
    if action == "test":
        return Effect(action, launch="now")
    if action == "clone_test":
        return Effect(action, clones=True)
    if action in ("restart", "sync"):
        over = action == "restart" or server.was_launched
        return Effect(action, launch=_after_copy(server), overwrites_target=over)
    # Newer than the reference: what it does is not known, so nothing is ruled out.
    return Effect(action, launch="unknown", erases=None)


def effect_of_creation(*, starts: bool, syncing: bool | None, existing_target: bool) -> Effect:
    """What a new task does by itself: nothing until it is started, unless it starts at once."""
    if not starts:
        return Effect("create")
    launch: Launch = "no" if syncing else "after_copy"  # the service's default is to launch
    return Effect("create", launch, erases=existing_target, makes_target=not existing_target)


def _start(server: Server) -> Effect:
    stage = (server.stage or "").strip().lower()
    if stage == "cutovering":
        return Effect("start", launch="now")
    launch = _after_copy(server)
    if stage not in LEGAL_STATES and server.task_state != "READY" and launch == "no":
        launch = "unknown"  # what is tried again may be a launch that failed
    if stage == "cutovered":  # what stopped was a synchronisation over a launched target
        return Effect("start", launch, overwrites_target=True)
    if stage == "syncing":
        return Effect("start", launch=launch)
    formatted = server.formatted
    if server.has_existing_target:
        return Effect("start", launch, erases=None if formatted is None else not formatted)
    return Effect("start", launch, makes_target=not server.target_id)


def _after_copy(server: Server) -> Launch:
    syncing = server.syncing
    if syncing is None:
        return "unknown"
    return "no" if syncing else "after_copy"
