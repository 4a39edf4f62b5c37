"""What the sandbox's service says when it refuses: the reference's own codes and words."""

from collections.abc import Sequence
from http import HTTPStatus

MESSAGES = {
    "SMS.0412": "Target server %s does not exist.",
    "SMS.1311": "Insufficient disks on the target server.",
    "SMS.6032": "The target server ID is missing.",
    "SMS.6501": "You can add up to 1,000 source servers.",
    "SMS.6520": "The source server is not in the AVAILABLE state.",
    "SMS.6526": "Insufficient quota to clone the target server.",
    "SMS.6535": (
        "Servers booted with UEFI do not support auto-creation of target servers for migration."
    ),
    "SMS.6537": "SMS cannot migrate system disks larger than 1 TB.",
    "SMS.6603": "The connection to SMS was lost.",
    "SMS.6605": "ACL or security group configuration error.",
    "SMS.6610": "The OS in the task conflicts with the source server OS.",
    "SMS.6614": "The target disk space must be greater than the total space of all partitions.",
    "SMS.6616": "The current OS does not support block-level migration.",
    "SMS.7101": "Template does not exist.",
    "SMS.7111": "All tasks associated with this template must be deleted first.",
    "SMS.7112": "Duplicate template name.",
    "SMS.7301": "The specified migration template does not exist.",
    "SMS.7303": "The default migration template cannot be deleted.",
    "SMS.7311": "All source servers associated with the migration project must be deleted first.",
    "SMS.7312": "Duplicate migration project name.",
    "SMS.7601": "Failed to delete the source server because a migration task is running on it.",
    "SMS.7602": "The specified source server does not exist.",
    "SMS.7605": (
        "The server has been set as the target server of another migration task. "
        "Select another server or delete the task associated with the server."
    ),
    "SMS.7703": "Task does not exist.",
    "SMS.7713": "Only tasks in the Ready for next, Paused, or Error state can be started.",
    "SMS.7714": "Only running tasks can be paused.",
    "SMS.7715": (
        "Only tasks in the Finished state or in the Continuous synchronization stage "
        "can be synchronized."
    ),
    "SMS.7716": "Logs can be collected only after the current log collection is completed.",
    "SMS.7717": "Logs can be collected after the migration task is started.",
    "SMS.7718": "Only tasks in the Synchronization failed state can be rolled back.",
    "SMS.7719": "Tasks in current state cannot be deleted.",
    "SMS.7721": (
        "Only target servers in tasks in the Continuous synchronization state "
        "can be cloned or started."
    ),
    "SMS.7722": ("Only tasks where the target servers have successfully started can be restarted."),
    "SMS.7726": (
        "Failed to update the migration status or stage for the source server. "
        "Field copystate or migrationcycle is missing in the request body."
    ),
    "SMS.7728": (
        "Change server replication state or migration cycle failed. "
        "Values of copystate and migrationcycle do not match."
    ),
    "SMS.8115": "Maximum templates: 50",
    "SMS.9001": "Invalid parameters.",
    "SMS.9905": "Password query is not allowed on tasks in the current state.",
}


class Refusal(Exception):  # noqa: N818 (a refusal is an answer of the service, not our error)
    """The service refuses a request: HTTP 400 mostly, with `code`, `message` and `params`."""

    def __init__(
        self, code: str, *params: str, message: str | None = None, status: int = 400
    ) -> None:
        """Take the reference's words for *code* unless *message* says otherwise."""
        self.status = HTTPStatus(status)
        self.code = code
        self.params: Sequence[str] = params
        self.message = message or _filled(MESSAGES.get(code, "Invalid parameters."), params)
        super().__init__(f"{code}: {self.message}")


def _filled(message: str, params: Sequence[str]) -> str:
    for param in params:
        message = message.replace("%s", param, 1)
    return message
