"""Network measurement (reference 5.9)."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Kind, Operation, Reply
from sms_tools.operations.common import TaskId


class MeasuredTask(Reply):
    """The task that the measurement was noted for."""

    task_id: str | None = None


class ReportNetworkMeasurement(
    Operation[MeasuredTask],
    method="POST",
    path="/v3/{task_id}/update-network-check-info",
    kind=Kind.AGENT,
    section="5.9.1",
    idempotent=True,
):
    """Agent only: report, in the Agent's name, the network measurement of a migration task. Sent by
    anyone else it replaces the real measurement with an invented one. To have the Agent measure use
    manage_migration_task (network_check); to read the result use get_migration_task
    (network_check_info).
    """

    task_id: TaskId
    domain_connectivity: Annotated[
        bool | None, Field(description="Domain names could be reached.")
    ] = None
    destination_connectivity: Annotated[
        bool | None, Field(description="The target server could be reached.")
    ] = None
    network_delay: Annotated[float, Field(ge=0, le=10_000, description="Latency (ms).")]
    network_jitter: Annotated[float, Field(ge=0, le=10_000, description="Jitter (ms).")]
    migration_speed: Annotated[float, Field(ge=0, le=10_000, description="Bandwidth (Mbit/s).")]
    loss_percentage: Annotated[float, Field(ge=0, le=100, description="Packet loss, per cent.")]
    cpu_usage: Annotated[float, Field(ge=0, le=100, description="CPU usage, per cent.")]
    mem_usage: Annotated[float, Field(ge=0, le=100, description="Memory usage, per cent.")]
    # At least 6 characters in the table, none in the reference's sample.
    evaluation_result: Annotated[
        str,
        Field(
            pattern=r"^(.{6,8})?$", max_length=8, description="Verdict of 6 to 8 characters, or ''."
        ),
    ]
