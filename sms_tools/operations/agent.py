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
    """Read the configuration that the service gives to the migration Agents: the main region, the
    default disk type and the regions with their projects.

    Made for the Agent and harmless to read. Use it to see which region_name and project_name values
    the service knows before create_migration_task. It says nothing about a single server: use
    get_source_server for that.
    """
