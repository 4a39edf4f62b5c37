"""Source servers (reference 5.3)."""

from sms_tools.operation import JSON
from sms_tools.operations.source_servers import (
    DeleteSourceServer,
    DeleteSourceServers,
    GetSourceServer,
    GetSourceServerOverview,
    ListFailedSourceServers,
    ListSourceServers,
    RegisterSourceServer,
    UpdateSourceServer,
    UpdateSourceServerDisks,
    UpdateSourceServerState,
)
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.handlers.registry import answers, page_of, sent


@answers(ListFailedSourceServers)
def list_failed_source_servers(cloud: Cloud, op: ListFailedSourceServers) -> JSON:
    """One page of the servers with an error on record."""
    count, page = cloud.list_errors(**page_of(op.limit, op.offset, usual=50))
    return {"count": count, "migration_errors": page}


@answers(RegisterSourceServer)
def register_source_server(cloud: Cloud, op: RegisterSourceServer) -> JSON:
    """The id of the server, new or known."""
    return {"id": cloud.register_source(sent(op))}


@answers(ListSourceServers)
def list_source_servers(cloud: Cloud, op: ListSourceServers) -> JSON:
    """One page of source servers."""
    count, page = cloud.list_sources(sent(op), **page_of(op.limit, op.offset, usual=200))
    return {"count": count, "source_servers": page}


@answers(DeleteSourceServers)
def delete_source_servers(cloud: Cloud, op: DeleteSourceServers) -> JSON:
    """Nothing but a status."""
    cloud.delete_sources(op.ids)


@answers(UpdateSourceServer)
def update_source_server(cloud: Cloud, op: UpdateSourceServer) -> JSON:
    """Nothing but a status."""
    cloud.update_source(op.source_id, sent(op))


@answers(UpdateSourceServerState)
def update_source_server_state(cloud: Cloud, op: UpdateSourceServerState) -> JSON:
    """Nothing but a status."""
    if op.copystate is None or op.migrationcycle is None:
        raise Refusal("SMS.7726", "copystate" if op.copystate is None else "migrationcycle")
    cloud.update_source_state(op.source_id, op.copystate, op.migrationcycle)


@answers(DeleteSourceServer)
def delete_source_server(cloud: Cloud, op: DeleteSourceServer) -> JSON:
    """Nothing but a status."""
    cloud.delete_source(op.source_id)


@answers(GetSourceServer)
def get_source_server(cloud: Cloud, op: GetSourceServer) -> JSON:
    """One source server in full."""
    return cloud.show_source(op.source_id)


@answers(GetSourceServerOverview)
def get_source_server_overview(cloud: Cloud, _op: GetSourceServerOverview) -> JSON:
    """How many servers there are in each state."""
    return cloud.overview()


@answers(UpdateSourceServerDisks)
def update_source_server_disks(cloud: Cloud, op: UpdateSourceServerDisks) -> JSON:
    """Nothing but a status."""
    cloud.update_disks(op.source_id, sent(op))
