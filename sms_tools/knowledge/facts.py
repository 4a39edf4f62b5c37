"""Numbers and rules of server migration that diagnosis, prompts and resources cite.

Constants carry their unit in the name. `FACTS` are sentences for people, by topic, each with
where it comes from; nothing here was measured by us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Origin: TypeAlias = Literal["reference", "faq", "field", "ours"]

# -- ports: inbound TCP on the target, to be opened for the source's address only (FAQ) ----------
PORTS_WINDOWS = (22, 8899, 8900)
PORTS_LINUX_BLOCK = (22, 8900)
PORTS_LINUX_FILE = (22,)
CONTROL_PORT = 443
"""Outbound from the source to IAM, SMS, ECS, EVS, IMS, VPC, OBS and DNS."""

# -- paging and quotas (reference) ---------------------------------------------------------------
SOURCES_PAGE = 200
TASKS_PAGE = 200
ERRORS_PAGE = 100
TEMPLATES_PAGE = 100
PROJECTS_PAGE = 100
MAX_OFFSET = 65_535
MAX_SOURCE_RECORDS = 1_000
MAX_CONCURRENT_MIGRATIONS = 100
MAX_PROJECTS = 50
MAX_DISKS_PER_SOURCE = 23
"""An ECS takes 24 disks, and one slot is for the temporary disk."""

# -- stuck: nothing may have changed for this long, seen in two samples (ours) -------------------
STUCK_COPY_MINUTES = 15
STUCK_LINUX_FILE_SYNC_MINUTES = 60
STUCK_PREPARE_MINUTES = 30
"""Creating, attaching and formatting."""
STUCK_CONFIGURE_MINUTES = 30
LINUX_DIFF_PERCENT = 6
"""Linux file-level sync stands here while it compares both sides: not stuck."""
THROTTLED_MBIT_S = 1.0
"""A rate limit at or below this explains a standstill."""

# -- estimates (ours, after the FAQ's formula) ---------------------------------------------------
ETA_MIN_SAMPLES = 3
ETA_MIN_MINUTES = 10
SERVICE_RATE_WINDOW_SECONDS = 5
"""The service's own remaining time is what is left divided by the rate of this window."""
LINE_USAGE = (0.5, 0.8)
"""Which part of a line's bandwidth a migration really uses."""
COPY_PERCENT = (21, 80)
"""On the console's bar the data copy runs from the first to the second value."""
ONE_EVENT_MINUTES = 15
"""Network failures that begin within this time of each other may be one event."""

# -- network and source (FAQ) --------------------------------------------------------------------
RECOMMENDED_MBIT_S = 10
ALARM_KBIT_S = 500
MAX_CLOCK_SKEW_MINUTES = 15
AGENT_DISK_REPORT_HOURS = 2
AGENT_IDLE_DAYS = 30
RECONNECT_MINUTES = 1
NETWORK_CHECK_MINUTES = (4, 5)
SOURCE_MAX_CPU_PERCENT = 80
SOURCE_MIN_FREE_MEMORY_MB = 256
SOURCE_GOOD_FREE_MEMORY_MB = 520
AGENT_CPU_LIMIT_PERCENT = (1, 100)
AGENT_MEMORY_LIMIT_MB = (200, 1_000)
AGENT_DISK_LIMIT_MB_S = (10, 1_000)
CONCURRENCY = (1, 4)

# -- disks (FAQ) ---------------------------------------------------------------------------------
MAX_SYSTEM_DISK_GB = 1_024
MAX_LINUX_DISK_TB = 16
TEMPORARY_DISK_GB = 40
GPT_EXTRA_GB = 1

# -- consistency (FAQ) ---------------------------------------------------------------------------
CONSISTENCY_MAX_FILES = 1_000_000
"""Per directory: exactly this many checked files means that the rest was not looked at."""
CONSISTENCY_SKIPPABLE_PERCENT = (5, 95)
CONSISTENCY_LEFT_OUT_LINUX = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/proc"),
    *("/run", "/sbin", "/selinux", "/sys", "/tmp", "/usr", "/var"),  # noqa: S108 (only named)
)
CONSISTENCY_NOT_PROVED = (
    "By default only size and modification time are compared, not the contents.",
    "Left out by default: on Linux /home, /etc, /var, /usr and other system directories, on "
    "Windows the top folders of the partitions.",
    "At most 1,000,000 files per directory are looked at; Windows paths with non-ASCII characters "
    "are skipped; Btrfs is not supported.",
    "Services that write during the check, resized partitions, /var/log and the Agent's own folder "
    "give differences that mean nothing.",
    "A result older than the last synchronisation says nothing about the target of today.",
)

# -- failures that mean one event, or a full copy ------------------------------------------------
FULL_COPY_CODES = frozenset({"SMS.0212", "SMS.0515", "SMS.1414"})
"""Change tracking or the disk layout was lost while the migration ran."""
NETWORK_EVENT_CODES = frozenset(
    {
        "SMS.0807",
        "SMS.1807",
        "SMS.2802",
        "SMS.3802",
        "SMS.3803",
        "SMS.3804",
        "SMS.3805",
        "SMS.3806",
        "SMS.3808",
    }
)
AUTO_RECOVERY_CODES = frozenset({"SMS.0807", "SMS.1807", "SMS.2802", "SMS.3802"})
"""After these the Agent can start the task again by itself, if it is set up to."""

CUTOVER_UNKNOWABLE = (
    "the account's balance",
    "whether the application is quiesced",
    "whether databases are stopped, not only paused",
    "the switch of DNS names and addresses",
    "whether the target's flavor is right",
)
"""What nobody can see from here, and a person has to settle before a launch."""

NEVER_DURING_A_MIGRATION = (
    "change disks or partitions on the source",
    "stop or restart the Agent of a Windows or Linux block-level migration",
    "reinstall, change or restart the target, or change its disks or password",
    "write to the target before cutover, or to the source after it",
    "delete the access key that the Agent uses",
    "release or change the target's public address",
    "delete the task because of a mere network error",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known, and from where."""

    topic: str
    text: str
    origin: Origin


FACTS: tuple[Fact, ...] = (
    Fact("launch", "The action 'test' is no test: it launches the target, it is the cutover. "
         "The rehearsal is 'clone_test', which makes a billed clone.", "reference"),
    Fact("launch", "A task created without continuous sync ('syncing': false, the default) "
         "launches its target by itself when the full copy ends.", "reference"),
    Fact("launch", "Launching first synchronises what has changed; the more, the longer. The bar "
         "can stand at 0 % meanwhile.", "faq"),
    Fact("launch", "Finished means that the target was launched, not that it boots or can be "
         "reached: look at the server itself.", "field"),
    Fact("progress", "There is no overall percentage. Sub-tasks have one each; earlier rounds stay "
         "in the list, so all at 100 % does not mean finished.", "reference"),
    Fact("progress", "The service's remaining time divides what is left by the rate of the last "
         "five seconds; it jumps.", "faq"),
    Fact("progress", "Totals differ in kind: Windows and Linux file-level count used space, Linux "
         "block-level the full size of the partitions.", "faq"),
    Fact("progress", "Windows and Linux block-level show the rate before compression, which is "
         "higher than what the line carries.", "faq"),
    Fact("progress", "A task's migrate_speed is labelled MB/s while sub-tasks and Agent report "
         "Mbit/s: a factor of eight.", "reference"),
    Fact("stuck", "Linux file-level sync that stands at about 6 % compares both sides; it is not "
         "stuck.", "faq"),
    Fact("stuck", "A server in continuous sync waits for a person to launch it, for days if need "
         "be; that is by design.", "faq"),
    Fact("resume", "After a mere network break nothing is lost: repair the line and start the task "
         "again.", "faq"),
    Fact("resume", "After a restart of Agent or source, Linux file-level goes on with start; "
         "Windows and Linux block-level need a new task and a full copy.", "faq"),
    Fact("disks", "The Agent reports the source's disks every two hours; a change in between shows "
         "as SMS.0515.", "faq"),
    Fact("disks", "Starting a first migration onto an existing server erases that server's disks.",
         "faq"),
    Fact("sync", "Synchronising overwrites or deletes what was written on a launched target.",
         "faq"),
    Fact("sync", "How far the copy lags behind the source is not shown; the end of the last SYNC "
         "sub-task is the best sign.", "ours"),
    Fact("limits", "Rate limits on Linux need tc, CBQ and route on the source; where they do "
         "nothing the task pauses with SMS.9007.", "faq"),
    Fact("limits", "Setting rate limits replaces every segment; the hours are the source's local "
         "time.", "reference"),
    Fact("password", "The target's logins become the source's once the full copy is done; a later "
         "change on the source does not arrive.", "faq"),
    Fact("lock", "The target is locked while it is migrated. Unlocking early invites changes that "
         "break the migration, and there is no lock again.", "reference"),
    Fact("billing", "Each target has a temporary 40 GB pay-per-use disk until the end; failed and "
         "unfinished tasks keep it, and it is billed.", "faq"),
    Fact("billing", "Changing the temporary disk to yearly/monthly leaves it over at the end "
         "(SMS.1106).", "faq"),
    Fact("billing", "Clones, standard snapshots, public addresses and the source provider's "
         "outbound traffic cost money; the service itself does not.", "faq"),
    Fact("delete", "Deleting a task loses the copy made so far; a new one copies everything.",
         "reference"),
    Fact("delete", "A deleted server record returns only when the Agent is restarted, which itself "
         "breaks a running migration of Windows or Linux block-level.", "faq"),
    Fact("ports", "Open 22 (Linux block-level also 8900, Windows also 8899 and 8900) on the target "
         "for the source's address only, and close them afterwards.", "faq"),
    Fact("ports", "A private line or VPN carries the data only; the Agent still needs 443 to the "
         "cloud, or a proxy.", "faq"),
)  # fmt: skip


def facts(topic: str | None = None) -> tuple[Fact, ...]:
    """The facts on one topic, or all of them; an unknown topic has none."""
    return FACTS if topic is None else tuple(fact for fact in FACTS if fact.topic == topic)


def migration_ports(os_type: str | None, migration_type: str | None) -> tuple[int, ...]:
    """The target's inbound TCP ports for a migration; all of them where the kind is not known."""
    if (os_type or "").upper() != "LINUX":
        return PORTS_WINDOWS
    return _LINUX_PORTS.get((migration_type or "").upper(), PORTS_LINUX_BLOCK)


_LINUX_PORTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"MIGRATE_FILE": PORTS_LINUX_FILE, "MIGRATE_BLOCK": PORTS_LINUX_BLOCK}
)
