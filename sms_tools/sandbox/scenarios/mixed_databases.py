"""The second wave of `mixed`: databases in their long copies, and one closed port for four."""

from sms_tools.sandbox.limits import daily_limits
from sms_tools.sandbox.model import (
    DirectoryCheck,
    MachineSpec,
    Project,
    Task,
    Template,
    Trouble,
)
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import (
    Story,
    go_offline,
    launch,
    resync,
    stop,
)

_NETWORK_EVENT = "port 22 and 8899 into subnet-db"


def databases(story: Story) -> None:
    """Tell the wave."""
    wave = story.wave("Wave-2-DB", description="databases; move with the applications")
    template = story.template("wave-2-db", "subnet-db", flavor="m6.4xlarge.8")
    _network_event(story, wave, template)
    _lost_tracking(story, wave, template)
    _slow(story, wave, template)
    _still(story, wave, template)
    _overspeed(story, wave, template)


def _copy(
    story: Story,
    name: str,
    kind: MachineSpec,
    wave: Project,
    template: Template,
    *,
    mbit: float = 180,
    block: bool = False,
) -> Task:
    return story.task(story.server(name, kind, wave), template, mbit=mbit, block=block)


def _network_event(story: Story, wave: Project, template: Template) -> None:
    """Four servers whose connections into one subnet broke within four minutes."""
    cause = story.cause(_NETWORK_EVENT, fixed_in=30 * MINUTE)
    story.cloud.closed_networks[template.fields["nics"][0]["id"]] = cause
    rows = (
        ("db-ora-01", machines.ORACLE, "SMS.3802", 34, 131),
        ("db-ora-02", machines.ORACLE, "SMS.3802", 12, 130),
        ("db-pg-01", machines.MYSQL, "SMS.3802", 47, 129),
        ("db-sql-01", machines.WINDOWS, "SMS.2802", 28, 127),
    )
    for name, kind, code, percent, minutes in rows:
        task = _copy(story, name, kind, wave, template, mbit=300)
        subtask = "MIGRATE_LINUX_FILE" if kind.linux else "MIGRATE_WINDOWS_BLOCK"
        params = () if kind.linux else (str(task.fields["migration_ip"]),)
        trouble = Trouble(subtask, percent, code, params, cause)
        story.attach(story.failing(task, minutes * MINUTE, trouble))
        story.truth(task.source, "failed", failure=code, group=_NETWORK_EVENT)


def _lost_tracking(story: Story, wave: Project, template: Template) -> None:
    """Two that must be built anew: their change tracking no longer fits."""
    task = _copy(story, "db-ora-03", machines.ORACLE, wave, template, block=True)
    cause = story.cause("a disk of db-ora-03 was resized", fixed_by="recreate")
    trouble = Trouble("MIGRATE_LINUX_BLOCK", 61, "SMS.0515", (), cause)
    story.attach(story.failing(task, 7 * HOUR, trouble))
    story.truth(task.source, "failed", failure="SMS.0515")

    task = _copy(story, "db-my-03", machines.MYSQL, wave, template, mbit=400, block=True)
    cause = story.cause("db-my-03 was restarted", fixed_by="recreate")
    story.syncing(task, since=30 * HOUR + 20 * MINUTE)
    story.attach(
        story.failing_later(task, 5 * HOUR, Trouble("SYNC_LINUX_BLOCK", 0, "SMS.1414", (), cause))
    )
    story.truth(task.source, "failed", failure="SMS.1414")


def _slow(story: Story, wave: Project, template: Template) -> None:
    """Four that copy or seem to."""
    task = _copy(story, "db-my-01", machines.MYSQL, wave, template, mbit=160)
    story.attach(story.copying(task, 34)).limits_readable = False
    task.network = _measured(160)
    story.truth(task.source, "replicating")

    task = _copy(story, "db-my-02", machines.MYSQL, wave, template, mbit=160)
    story.copying(task, 52, until=story.present - 50 * MINUTE)
    story.attach(story.at(task, 50 * MINUTE, _stall))
    story.truth(task.source, "replicating", stuck=True)

    task = _copy(story, "db-pg-03", machines.MYSQL, wave, template, mbit=1)
    story.copying(task, 0.4)
    task.rate *= 200
    segment = {"start": "00:00", "end": "23:59", "speed": 1}
    task.limits, task.fields["speed_segments"] = daily_limits([segment]), [segment]
    story.attach(task)
    story.truth(task.source, "replicating")

    task = _copy(story, "db-mongo-01", machines.MYSQL, wave, template, mbit=500)
    task.compare = 9 * HOUR
    story.syncing(task, since=2 * DAY)
    story.at(task, DAY + 30 * MINUTE, launch)
    story.attach(story.at(task, 3 * HOUR, resync))
    story.truth(task.source, "syncing", verdict="never", readiness="not_ready")


def _measured(mbit: float) -> dict[str, object]:
    return {
        "domain_connectivity": True,
        "destination_connectivity": True,
        "network_delay": 21.3,
        "network_jitter": 2.1,
        "migration_speed": mbit,
        "loss_percentage": 0.0,
        "cpu_usage": 31.0,
        "mem_usage": 48.0,
        "evaluation_result": "normal",
    }


def _stall(task: Task, at: int) -> None:
    task.halts.append((at, None))


def _still(story: Story, wave: Project, template: Template) -> None:
    """Three that stand still for good reasons, and one that nobody ever verified."""
    task = _copy(story, "db-pg-02", machines.MYSQL, wave, template)
    story.copying(task, 46, until=story.present - 3 * HOUR)
    story.attach(story.at(task, 3 * HOUR, go_offline))
    story.truth(task.source, "replicating")

    task = _copy(story, "db-redis-01", machines.API, wave, template)
    story.copying(task, 41, until=story.present - 8 * HOUR)
    story.attach(story.at(task, 8 * HOUR, stop))
    story.truth(task.source, "paused")

    uefi = story.server("db-bak-01", machines.BACKUP, wave)
    task = story.task(uefi, None, mbit=180, existing=story.cloud.new_id())
    story.attach(story.syncing(task, since=DAY + 30 * MINUTE))
    story.truth(task.source, "syncing", verdict="never", readiness="not_confirmed")

    task = _copy(story, "db-es-01", machines.APP, wave, template)
    task.verdict = [DirectoryCheck("/opt/app/index", 88_310, 2_117, 0, 0)]
    story.syncing(task, since=DAY + 30 * MINUTE)
    story.attach(task)
    for run in task.verifications:
        run.result = "failed"
    story.truth(task.source, "syncing", verdict="inconsistent", readiness="not_ready")


def _overspeed(story: Story, wave: Project, template: Template) -> None:
    """One without `tc`: its limit cannot bend the rate, so the service paused it."""
    source = story.server("db-log-01", machines.APP, wave, has_tc=False)
    task = story.task(source, template, mbit=220)
    story.copying(task, 19, until=story.present - 2 * HOUR)
    story.attach(story.at(task, 2 * HOUR, _limit))
    story.truth(source, "paused", failure="SMS.9007")


def _limit(task: Task, _: int) -> None:
    segment = {"start": "00:00", "end": "23:59", "speed": 50, "over_speed_threshold": 50.0}
    task.limits, task.fields["speed_segments"] = daily_limits([segment]), [segment]
