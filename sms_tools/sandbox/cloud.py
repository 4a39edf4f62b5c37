"""The sandbox's service without its wire: one account, its servers, its time and its rules.

    cloud = Cloud(ManualClock(), seed=1)
    cloud.manage(task_id, "start")          # refuses with the reference's codes: Refusal
    count, page = cloud.list_sources({"state": "error"}, limit=200, offset=0)
    cloud.changes                           # every call that changes something, refused or not

Commands take and give what the wire's bodies hold; HTTP, signatures and parameters are checked
elsewhere. `scenarios.build` makes a cloud that has something in it.
"""

from sms_tools.sandbox.agent_calls import Agents
from sms_tools.sandbox.catalog_calls import Catalog
from sms_tools.sandbox.model import Truth
from sms_tools.sandbox.refusal import Refusal
from sms_tools.sandbox.source_calls import Sources
from sms_tools.sandbox.task_calls import Tasks

__all__ = ["Cloud", "Refusal", "Truth"]


class Cloud(Sources, Tasks, Catalog, Agents):
    """One account of the service, in memory. Times are epoch milliseconds, sizes bytes."""
