"""What surprises whoever calls an operation for the first time, by the name of its tool.

Short sentences in our own words; where the reference, the FAQ and the field disagree, the
sentence says so.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sms_tools.knowledge.facts import (
    AGENT_DISK_REPORT_HOURS,
    CONSISTENCY_MAX_FILES,
    MAX_SOURCE_RECORDS,
    MAX_TEMPLATES,
    NETWORK_CHECK_MINUTES,
)

_TAKEN_OUT: Final = "The reply may hold a target password; it is taken out before it leaves here."
_REGIONS: Final = "Regions differ in the options and states they know; unknown ones are passed on."
_NOT_FOUND: Final = "A task that does not exist is answered with HTTP 400 and SMS.7703, not 404."

TRAPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "list_source_servers": (
            "A server does not say which migration project it is in: ask with migproject.",
            "last_visit_time is when the connection last changed, not a heartbeat.",
            "The description of the filter `connected` can be read both ways: look at the field.",
            "Whether offset counts records or pages is not clear: advance by what was returned.",
        ),
        "get_source_server": (
            "The disks for a new task are in init_target_server, not in disks.",
            f"The Agent reports disks every {AGENT_DISK_REPORT_HOURS} hours: a change in between "
            "shows as SMS.0515.",
        ),
        "get_source_server_overview": (
            "It counts the whole account: there is no filter by project.",
            "`unconfigured` exists only here: waiting servers without a target.",
        ),
        "list_failed_source_servers": (
            "Entries have no time and no task id, and may belong to servers that have recovered.",
            "error_json is cut at 255 characters and is JSON inside of JSON.",
        ),
        "delete_source_server": (
            "The record comes back only when the Agent is restarted, which itself ends a running "
            "migration of Windows or Linux block-level.",
            "It may not have a task (SMS.7601).",
        ),
        "delete_source_servers": (
            "The record comes back only when the Agent is restarted.",
            "None of them may have a task (SMS.7601).",
        ),
        "update_source_server": ("Disks that are set not to migrate are silently left out.",),
        "list_migration_tasks": (
            "Sub-tasks in lists have no user_op: the same name comes again in later rounds.",
            "source_server may be null; regions differ in the fields they send.",
        ),
        "get_migration_task": (
            "All sub-tasks at 100 % does not mean finished: earlier rounds stay in the list.",
            "remain_seconds comes from the rate of five seconds; 60000 was seen on finished ones.",
            "migrate_speed is MB/s by one table and Mbit/s by the SDK.",
            _NOT_FOUND,
        ),
        "create_migration_task": (
            "Without syncing the target is launched automatically when the copy ends.",
            "The disks of an existing target are erased when the task first starts.",
            "Sizes are bytes; megabytes give SMS.0515.",
            "Deleting a task may delete the template that it was made from.",
        ),
        "update_migration_task": (
            "It also takes state, sub_tasks and progress, which overwrite the service's record.",
        ),
        "manage_migration_task": (
            "`test` is no test: it launches the target. The rehearsal is clone_test, and its clone "
            "is billed until it is deleted on the ECS console.",
            "restart overwrites what the target wrote since its launch.",
            "Between start and RUNNING some seconds pass.",
            f"network_check takes up to {NETWORK_CHECK_MINUTES[1]} minutes, "
            "in which limits do not hold; the result is the task's network_check_info.",
            _REGIONS,
        ),
        "delete_migration_task": (
            "A new task copies everything again; the old target and its temporary disk stay and "
            "are billed.",
            "Not while it runs and the Agent is connected (SMS.7719).",
        ),
        "delete_migration_tasks": (
            "A new task copies everything again; targets and temporary disks stay and are billed.",
            "If one may not be deleted, none is.",
        ),
        "get_migration_rate_limits": (
            "Fails on some valid tasks: that is unknown, not unlimited.",
        ),
        "set_migration_rate_limits": (
            "Replaces every segment; the hours are the source's local time.",
            "A threshold pauses the task (SMS.9007) where Linux lacks tc.",
            "No source says in which states they may be set: read them back afterwards.",
        ),
        "get_consistency_results": (
            "check_result `success` means that it ran; zero files means that nothing was compared.",
            f"{CONSISTENCY_MAX_FILES:,} files in a directory is the cap: the rest was not looked "
            "at.",
        ),
        "upload_migration_task_logs": (
            "Writes into your OBS bucket; the share link is as good as the logs themselves.",
        ),
        "unlock_target_server": ("There is no way to lock it again.",),
        "check_network_acl": ("Says yes or no, never why: ask once per subnet and system.",),
        "configure_migration_options": (
            "Excluded paths are missing on the target after the cutover, without a message.",
            "Names of options differ between regions: read them back after setting.",
            "Caps on CPU, memory and disk can be set before the start, while paused, and while "
            "waiting to synchronise (FAQ).",
        ),
        "create_template": (f"An account has {MAX_TEMPLATES} templates at most (SMS.8115).",),
        "register_source_server": (
            f"An account has {MAX_SOURCE_RECORDS:,} source servers at most (SMS.6501).",
        ),
        "list_templates": (_TAKEN_OUT,),
        "get_template": (_TAKEN_OUT,),
        "delete_template": ("Not while a task uses it (SMS.7111).",),
        "delete_migration_project": (
            "Not while servers are in it (SMS.7311), and never the default (SMS.7303).",
        ),
        "get_agent_command": (
            "A read by its method, but it may take the command away from the Agent.",
        ),
        "calculate_sha256": ("The value is part of the URL, which logs may keep.",),
        "sign_privacy_agreement": (
            "Legally binding consent for the whole account: only a person may give it.",
        ),
    }
)
