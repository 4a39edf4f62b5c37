"""What surprises whoever uses an operation for the first time, per tool."""

from collections.abc import Mapping, Sequence
from typing import Final

_UNITS = (
    "migrate_speed is MB/s in the reference's table and Mbit/s in the SDK and the Agent's reports: "
    "a factor of eight. Rates from bytes over time are safer."
)
_ESTIMATE = (
    "remain_seconds is what is left, divided by the rate of the last five seconds; it jumps, and "
    "stays at an arbitrary value after the end."
)
_HISTORY = (
    "sub_tasks is a history: the same name comes again in every round (REPLICATE, RESYNC0, "
    "CUTOVER0 …). All at 100 % does not mean finished; only the last round counts."
)
_ERROR_JSON = (
    "error_json is a JSON text in which error_param is again a JSON text, possibly cut off; empty "
    "when there is no error."
)
_GONE = "What does not exist answers HTTP 400 with a code such as SMS.7703 or SMS.7101, not 404."
_LEFTOVERS = "The temporary 40 GB disk and snapshots of an unfinished task may stay, and be billed."
_IN_CLEAR = "The service's reply carries target_password in clear; here it is left out."
_BYTES = "Sizes are bytes. Sizes in MB or GB make the service report SMS.0515, changed disks."

TRAPS: Final[Mapping[str, Sequence[str]]] = {
    "list_failed_source_servers": (
        _ERROR_JSON,
        "An entry has no time and no task id, and stays after the server runs again: compare with "
        "the task of the same server.",
        "At most 255 characters of error_json arrive here; the task carries up to 1,024.",
    ),
    "list_source_servers": (
        "A source record does not say which migration project it belongs to; ask per project with "
        "migproject.",
        "last_visit_time is when the connection last changed, not a heartbeat.",
        "The filter `connected` is described as its opposite; filter the rows yourself.",
        "state `error` does not tell where it failed; migration_cycle does.",
        "`cutovering` is called `testing` in older replies.",
    ),
    "get_source_server": (
        "Its recommended target disks (init_target_server.disks) are what a new task should use, "
        "not the list `disks`.",
        _BYTES,
    ),
    "get_source_server_overview": (
        "It counts the whole account and cannot be narrowed to a project.",
        "`unconfigured` exists only here: waiting servers without a target.",
    ),
    "delete_source_server": (
        "The record comes back only after the Agent is restarted, and that breaks a running copy.",
    ),
    "delete_source_servers": (
        "Up to 65,535 ids in one call, without any way back.",
        "The records come back only after the Agents are restarted.",
    ),
    "update_source_server": (
        "`need_migration: false` on a disk, or a smaller adjust_size, leaves data behind in "
        "silence.",
    ),
    "create_migration_task": (
        "`syncing: false`, the default, launches the target by itself when the full copy is done.",
        "With an existing ECS as target its disks are formatted when the task starts.",
        "It may create servers, networks and addresses that are billed, and a temporary 40 GB disk "
        "per target.",
        _BYTES,
        "The target server's disks have no ids for volumes that are yet to be created.",
    ),
    "list_migration_tasks": (
        _UNITS,
        _ESTIMATE,
        "sub_tasks in the list carry no user_op, so rounds cannot be told apart; "
        "get_migration_task has it.",
        "source_server may be null: the record is gone, the task is still there.",
    ),
    "get_migration_task": (_HISTORY, _UNITS, _ESTIMATE, _ERROR_JSON, _GONE),
    "manage_migration_task": (
        "`test` is not a test: it launches the target server, which is the cutover. The rehearsal "
        "is `clone_test`.",
        "`clone_test` creates a billed server that no operation here deletes.",
        "The first `start` on an existing target formats its disks.",
        "`restart` synchronises again after a launch; what was written on the target since may be "
        "overwritten.",
        "After `start`, READY becomes RUNNING only after some seconds.",
        "Newer regions also know cutover, skip, clear, migration_test and error_for_overspeed.",
    ),
    "delete_migration_task": (
        "A new task copies everything again; this is no way to repair a broken network.",
        _LEFTOVERS,
        "Deleting a task that was made from a private template may delete that template.",
    ),
    "delete_migration_tasks": (
        "A new task copies everything again.",
        _LEFTOVERS,
    ),
    "update_migration_task": (
        "The body also takes state, sub_tasks, error_json and target_server: that rewrites the "
        "record of what happened.",
    ),
    "get_migration_rate_limits": ("It fails on some valid tasks; that says nothing of the task.",),
    "set_migration_rate_limits": (
        "It replaces every segment of the day.",
        "Segments follow the source server's clock.",
        "An overspeed threshold pauses the task when it is exceeded (SMS.9007).",
        "On Linux a limit works only where `tc` is installed (has_tc).",
    ),
    "get_consistency_results": (
        "The default mode compares size and time of change, not content.",
        "0 files means that the path is missing or empty, not that it is consistent.",
        "A directory is checked up to 1,000,000 files.",
        "A result older than the last synchronisation says nothing about what is there now.",
    ),
    "check_network_acl": (
        "It answers allowed or not, without reasons; ask once per subnet, not per server.",
    ),
    "unlock_target_server": (
        "There is no way to lock again; whoever changes the target's disks now breaks the copy.",
    ),
    "upload_migration_task_logs": (
        "It writes into your OBS bucket; log_share_url opens the logs for whoever has the link.",
        "It works only on a task that was started, with no other collection under way.",
    ),
    "list_templates": (
        "The service's reply carries target_password in clear; here it is left out.",
    ),
    "get_template": (_IN_CLEAR,),
    "update_template": ("The former settings, the password too, cannot be brought back.",),
    "delete_template": (
        "A template that a task uses cannot be deleted (SMS.7111).",
        "SMS.7101 afterwards means that it went with its task: that is success.",
    ),
    "get_template_target_password": (
        "Only while replicating or synchronising (SMS.9905). After the full copy the target's "
        "password is the source's.",
    ),
    "calculate_sha256": ("What is hashed travels in the URL, where logs can see it.",),
    "create_migration_project": ("A name has 2 to 19 characters; an account holds 50 projects.",),
    "delete_migration_project": ("Only an empty project that is not the default one.",),
    "set_default_migration_project": ("There is no unsetting, only another default.",),
    "configure_migration_options": (
        "Excluded paths are not copied, and nobody is told after the cutover.",
        "Regions know other key names than the reference: read the options back after setting.",
    ),
    "get_agent_command": ("Reading may take the command away from the Agent it was meant for.",),
}
"""By tool; a tool that is not here has shown no surprise so far."""
