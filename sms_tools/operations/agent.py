"""What the Agent is configured with (reference 5.2)."""

from typing import Any

from sms_tools.operation import Kind, Operation, Reply


class AgentConfiguration(Reply):
    """The configuration that the service hands to Agents."""

    config: dict[str, Any] | None = None
    """``mainRegion``, ``obs_domain``, ``disktype``, ``process_and_it`` and others to come."""
    regions: list[dict[str, Any]] | None = None
    """The regions, each with ``region_name`` and ``project_name``."""


class GetAgentConfiguration(
    Operation[AgentConfiguration],
    method="GET",
    path="/v3/config",
    kind=Kind.READ,
    section="5.2.1",
):
    """Read which regions and projects the service knows (可用区域, 支持哪些区): the configuration
    it gives to the migration Agents, with the main region, the default disk type and the
    region_name and project_name values that create_migration_task takes. Harmless to read. It says
    nothing about a single server: use get_source_server for that.
    """
