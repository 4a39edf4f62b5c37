"""A secret on its way to a person: past the conversation, to the page or a terminal."""

from collections.abc import Mapping

from sms_tools.canonical import short_id
from sms_tools.guard.approvals import Approvals
from sms_tools.guard.passage import Go
from sms_tools.guard.ways import Ways
from sms_tools.operation import JSON
from sms_tools.wording import iso


async def deliver(
    go: Go, secret: Mapping[str, JSON], approvals: Approvals, ways: Ways
) -> dict[str, JSON]:
    """Keep *secret* where a person can take it; the result says where, never what it is."""
    origin = await ways.origin()
    if ways.desk is None or origin is None:
        return {
            "status": "not_delivered",
            "summary": "The secret was read, but there is no page to show it on; it was "
            "dropped. Nothing of it is in this result.",
        }
    delivery_id = go.approval.id if go.approval else short_id()
    lasts = await ways.desk.keep(delivery_id, secret)
    delivery = await approvals.announce_delivery(delivery_id, go.subject.tool, origin)
    command = ways.line("show", delivery_id, go.subject)
    url = ways.link_to_secret(origin, delivery.token)
    where = f"with `{command}` in a terminal of the machine on which this server runs"
    if url and ways.desk.login:  # a team's page; the command leads there too
        where = f"on the page {url}, {ways.entrance}"
    elif url:
        where = f"with `{command}` in a terminal or on the page {url}, {ways.entrance}"
    return {
        "status": "delivered",
        "summary": f"The secret waits for a person, outside this conversation: {where}. It is "
        f"shown once, {lasts}.",
        "fields": sorted(secret),
        "delivery_id": delivery_id,
        "delivery_command": command,
        "delivery_url": url,
        "expires_at": iso(delivery.expires_at),
    }
