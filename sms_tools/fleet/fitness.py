"""Whether a source server is fit to be migrated, as far as its records tell.

Each rule is a row of a table: a test on the record (`machine`), what it weighs, who acts and how.
Those on disks, file systems and space stand in `storage`. The rules are the reference's and the
FAQ's; where the two contradict, both are named and nothing is decided. What is not in a record is
never taken as good: an unread part weighs ``unknown``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, Literal

from sms_tools.fleet.machine import NO_BLOCK_LEVEL, SourceFacts
from sms_tools.fleet.remark import Remark, Weight
from sms_tools.fleet.storage import STORAGE_RULES
from sms_tools.knowledge import explain
from sms_tools.knowledge.facts import AGENT_SILENT_DAYS
from sms_tools.operations.source_servers import EnvironmentCheck
from sms_tools.text import one_line
from sms_tools.wording import count_of, span

Verdict = Literal["other_method", "repair_first", "unknown", "go"]

VERDICTS: Final[Sequence[Verdict]] = ("other_method", "repair_first", "unknown", "go")
"""The worst first."""

_FIRMWARE: Final = frozenset({"BIOS", "UEFI"})
_SYSTEMS: Final = (
    *("CENTOS", "REDHAT", "RHEL", "ORACLE", "ROCKY", "ALMA", "FEDORA", "AMAZON"),
    *("UBUNTU", "DEBIAN", "SUSE", "OPENSUSE", "SLES", "WINDOWS"),
    *("EULEROS", "OPENEULER", "HCE", "KYLIN", "NEOKYLIN", "UOS", "ANOLIS"),
)
"""How the names of known systems begin; whether a version is supported its checks say."""
_OTHER_METHOD_CODES: Final = frozenset({"SMS.6504"})

NOT_CHECKED: Final = (
    "RAID arrays, nested or thin LVM, raw devices, encrypted disks (BitLocker), multi-boot",
    "whether it is a domain controller, a node of a cluster or of a database over several nodes",
    "CPU and memory load of the source (at most 80 % CPU, more than 256 MB free)",
    "antivirus and security software, licences bound to hardware",
    "whether the path to the target is open: check_network_paths",
)
"""What no record carries before there is a task."""


def assess(facts: SourceFacts) -> Sequence[Remark]:
    """All remarks on one server, the gravest first."""
    found = [remark for rule in _RULES for remark in rule(facts)]
    order = ["other_method", "repair_first", "unknown", "note"]
    return sorted(found, key=lambda each: order.index(each.weight))


def verdict_of(remarks: Iterable[Remark]) -> Verdict:
    """The gravest weight; ``go`` only where nothing but notes is left."""
    weights = {remark.weight for remark in remarks}
    return next((verdict for verdict in VERDICTS if verdict in weights), "go")


def _unread(facts: SourceFacts) -> Iterator[Remark]:
    if facts.detail is None:
        yield Remark(
            "not_read",
            "unknown",
            "Its record could not be read: firmware, disks and partitions are not known.",
            "api",
            "Ask again; get_source_server says what keeps it from being read.",
        )
    elif not facts.detail.disks:
        yield Remark(
            "no_disks",
            "unknown",
            "Its record names no disks.",
            "source",
            "Restart the Agent, which reports them, and assess it again.",
        )
    elif unsized := [d for d in facts.detail.disks if not d.size or not d.physical_volumes]:
        yield Remark(
            "disks_incomplete",
            "unknown",
            f"Of {count_of(len(unsized), 'disk')} the record has no size or no partitions.",
            "source",
            "Check these disks on the source: raw, empty and unmounted ones come over empty.",
        )
    firmware = facts.detail.firmware if facts.detail else None
    if facts.detail is not None and (firmware or "").strip().upper() not in _FIRMWARE:
        shown = f" ({one_line(firmware, 20)})" if firmware and firmware.strip() else ""
        yield Remark(
            "firmware_unknown",
            "unknown",
            f"Its record does not say whether it boots with BIOS or UEFI{shown}.",
            "source",
            "Check on the source: a target needs the same firmware.",
        )


def _checks(facts: SourceFacts) -> Iterator[Remark]:
    if not facts.checks:
        yield Remark(
            "no_checks",
            "unknown",
            "The service has no results of environment checks for it.",
            "source",
            "Restart the Agent: it checks the server when it starts.",
        )
    for check in facts.checks:
        result = (check.result or "").upper()
        if result == "OK" or check.error_code in NO_BLOCK_LEVEL:
            continue
        yield _failed(check, result)


def _failed(check: EnvironmentCheck, result: str) -> Remark:
    name = one_line(check.name or "a check", 40)
    params = [check.error_params] if check.error_params else list(check.params or ())
    known = explain(check.error_code, params) if check.error_code else None
    code = known.code if known else None
    if result not in ("ERROR", "WARN"):
        says = f"Check {name} has an undocumented result."
        return Remark("check_unclear", "unknown", says, "support", "Look at it on the console.")
    kind = "failed_check" if result == "ERROR" else "check_warning"
    weight: Weight = "note" if result == "WARN" else "repair_first"
    if code in _OTHER_METHOD_CODES:
        kind, weight = "system_unsupported", "other_method"
    elif code == "SMS.6509":
        kind = "file_system_unsupported"
    if known is None or not known.known:
        says = f"Check {name}: {result}" + (f" ({code})." if code else ", without a code.")
        return Remark(kind, weight, says, "source", "Look at this check on the console.", code)
    says = f"Check {name}: {known.cause}"
    return Remark(kind, weight, says, known.actor, known.first_step, code)


def _state(facts: SourceFacts) -> Iterator[Remark]:
    server = facts.server
    if server.state == "unavailable" and not server.failed_checks:
        yield Remark(
            "unavailable",
            "repair_first",
            "The service calls it unavailable without naming a check that failed.",
            "source",
            "Look at its checks on the console, then restart the Agent.",
        )
    if server.phase == "unknown":
        yield Remark(
            "phase_unknown",
            "unknown",
            "What it is doing is not known: its state is missing, new, or contradicts another.",
            "api",
            "Read it again: get_source_server.",
        )
    if server.connected is None:
        yield Remark(
            "connection_unknown",
            "unknown",
            "Nothing says whether its Agent is connected.",
            "source",
            "Check whether the Agent is running.",
        )


def _offline(facts: SourceFacts) -> Iterator[Remark]:
    server = facts.server
    if not server.offline:
        return
    since = server.connection_since
    ago = facts.now - since if since else None
    if ago and ago >= timedelta(days=AGENT_SILENT_DAYS):
        yield Remark(
            "stale_record",
            "repair_first",
            f"Its Agent has been disconnected for {span(ago)}: the record is as old, and the Agent "
            f"gives up after {AGENT_SILENT_DAYS} days without work.",
            "source",
            "Start the Agent on the source again, then assess it again.",
        )
        return
    yield Remark(
        "offline",
        "repair_first",
        "Its Agent is disconnected" + (f" for {span(ago)}." if ago else "; since when is unknown."),
        "source",
        "Check that the source and its Agent are running, its clock is right, and port 443 is open "
        "outwards.",
    )


def _system(facts: SourceFacts) -> Iterator[Remark]:
    if not (facts.linux or facts.windows) or not facts.os_version.startswith(_SYSTEMS):
        shown = one_line(facts.os_version, 60) or "no name"
        yield Remark(
            "system_unknown",
            "unknown",
            f"Its operating system ({shown}) is not recognised.",
            "source",
            "Compare the system with the vendor's list; without a match it goes another way.",
        )
    if facts.windows:
        yield Remark(
            "windows_by_template",
            "note",
            "Whether a Windows target is made from a template is doubtful: FAQ 2.18 says that one "
            "is never made, the API reference (5.4.1) does not say so.",
            "console",
            "Prepare an ECS of the same firmware with at least 2 GB of memory, and name its vm_id.",
        )


def _firmware(facts: SourceFacts) -> Iterator[Remark]:
    if facts.detail and (facts.detail.firmware or "").strip().upper() == "UEFI":
        yield Remark(
            "uefi",
            "repair_first",
            "It boots with UEFI: no target is made from a template.",
            "console",
            "Make an ECS from an image with boot mode UEFI, and migrate to it (vm_id).",
            "SMS.6535",
        )


def _types(facts: SourceFacts) -> Iterator[Remark]:
    if facts.no_block_level:
        yield Remark(
            "no_block_level",
            "note" if facts.linux else "unknown",
            "It cannot be migrated block by block.",
            "api",
            "Take MIGRATE_FILE."
            if facts.linux
            else "Windows is copied by blocks only: ask the vendor what is possible.",
            "SMS.6617",
        )
    record = facts.detail or facts.server.source
    if facts.linux and record is not None and record.has_tc is False:
        yield Remark(
            "no_traffic_control",
            "note",
            "It has no tc: a rate limit does not work and pauses the task (SMS.9007).",
            "source",
            "Install tc (with sch_cbq and route) first if its rate is to be limited.",
            "SMS.9007",
        )


def _name(facts: SourceFacts) -> Iterator[Remark]:
    if facts.namesakes:
        yield Remark(
            "name_twice",
            "note",
            f"{count_of(facts.namesakes, 'other server')} of the same name: names do not tell "
            "them apart.",
            "api",
            "Use ids, or rename one (update_source_server).",
        )


_RULES: Final[Sequence[Callable[[SourceFacts], Iterator[Remark]]]] = (
    _unread,
    _checks,
    _state,
    _offline,
    _system,
    _firmware,
    *STORAGE_RULES,
    _types,
    _name,
)
