"""Numbers and rules of server migration: the one place for what code and texts cite.

Constants carry their unit in the name; the headings say where they are from. Nothing here was
measured by us.
"""

from collections.abc import Mapping
from types import MappingProxyType

# -- ports: inbound TCP on the target, for the address that it sees the source with (FAQ) --------
_PORTS_WINDOWS = (22, 8899, 8900)
_PORTS_LINUX_BLOCK = (22, 8900)
_PORTS_LINUX_FILE = (22,)

# -- paging and quotas (reference) ---------------------------------------------------------------
SOURCES_PAGE = 200
TASKS_PAGE = 200
ERRORS_PAGE = 100
TEMPLATES_PAGE = 100
MAX_SOURCE_RECORDS = 1_000
MAX_TEMPLATES = 50
MAX_PROJECTS = 50
MAX_CONCURRENT_TASKS = 100
"""FAQ 4.3; older texts say 200."""
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

# -- estimates (ours) ----------------------------------------------------------------------------
ETA_MIN_SAMPLES = 3
ETA_MIN_MINUTES = 10
ONE_EVENT_MINUTES = 15
"""Network failures that begin within this time of each other may be one event."""

REFERENCE_LAUNCH_SECONDS: Mapping[str, float] = MappingProxyType(
    {"configure": 111.0, "detach": 74.0}
)
"""What the steps of a launch took in the reference's example: one small Linux server."""

# -- network and source (FAQ) --------------------------------------------------------------------
AGENT_DISK_REPORT_HOURS = 2
AGENT_SILENT_DAYS = 30
"""After so long without work an Agent drops its connection."""
NETWORK_CHECK_MINUTES = (4, 5)
SOURCE_MAX_CPU_PERCENT = 80

# -- disks (FAQ) ---------------------------------------------------------------------------------
MAX_SYSTEM_DISK_GB = 1_024
MAX_LINUX_DISK_TB = 16
TEMPORARY_DISK_GB = 40

# -- consistency (FAQ) ---------------------------------------------------------------------------
CONSISTENCY_MAX_FILES = 1_000_000
"""Per directory: exactly this many checked files means that the rest was not looked at."""
CONSISTENCY_NOT_PROVED = (
    "By default only size and modification time are compared, not the contents.",
    "Left out by default: on Linux /home, /etc, /var, /usr and other system directories, on "
    "Windows the top folders of the partitions.",
    f"At most {CONSISTENCY_MAX_FILES:,} files per directory are looked at; Windows paths with "
    "non-ASCII characters are skipped; Btrfs is not supported.",
    "Services that write during the check, resized partitions, /var/log and the Agent's own folder "
    "give differences that mean nothing.",
    "A result older than the last synchronisation says nothing about the target as it is now.",
)

# -- failures that mean one event -----------------------------------------------------------------
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

TARGET_GONE_CODES = frozenset({"SMS.0412", "SMS.8103"})
"""After these there is no target any more that could be kept, or billed."""

CUTOVER_UNKNOWABLE = (
    "the account's balance",
    "whether the application is quiesced",
    "whether databases are stopped, not only paused",
    "the switch of DNS names and addresses",
    "whether the target's flavor is right",
)
"""What nobody can see from here, and a person has to settle before a launch."""


def as_the_target_sees(address: str | None) -> str:
    """The source's address for a firewall rule: behind NAT it is not the one of its record."""
    known = f" (its record says {address})" if address else ""
    return f"the address with which it leaves{known}"


def migration_ports(os_type: str | None, migration_type: str | None) -> tuple[int, ...]:
    """The target's inbound TCP ports for a migration; all of them where the kind is not known."""
    if (os_type or "").upper() != "LINUX":
        return _PORTS_WINDOWS
    return _LINUX_PORTS.get((migration_type or "").upper(), _PORTS_LINUX_BLOCK)


_LINUX_PORTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"MIGRATE_FILE": _PORTS_LINUX_FILE, "MIGRATE_BLOCK": _PORTS_LINUX_BLOCK}
)
