"""The words of the service for states and stages, as far as anybody documents them."""

from sms_tools.knowledge.states import LEGAL_STATES

STAGES = tuple(LEGAL_STATES)
SOURCE_STATES = (
    *("unavailable", "waiting", "initialize", "replicate", "syncing", "stopping", "stopped"),
    *("deleting", "error", "cloning", "cutovering", "finished"),
    *("skipping", "clearing", "cleared", "premiging"),  # of the live service alone
)
TASK_STATES = (
    *("READY", "RUNNING", "SYNCING", "MIGRATE_SUCCESS", "MIGRATE_FAIL", "ABORTING", "ABORT"),
    *("DELETING", "SYNC_F_ROLLBACKING", "SYNC_F_ROLLBACK_SUCCESS"),
    *("SYNC_SUCCESS", "SYNC_FAIL", "SKIPPING", "RESETING"),  # of other regions
)
