"""Network measurements that the Agent reports."""

from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.operations.network import ReportNetworkMeasurement

MEASUREMENT: dict[str, Any] = {
    "task_id": "t",
    "network_delay": 20.0,
    "network_jitter": 2,
    "migration_speed": "100.00",
    "loss_percentage": 0,
    "cpu_usage": 20,
    "mem_usage": 100,
    "evaluation_result": "normal",
}


@pytest.mark.parametrize(
    "change",
    [
        {"network_delay": 10_000.1},
        {"network_jitter": -0.1},
        {"migration_speed": 10_001},
        {"loss_percentage": 100.5},
        {"cpu_usage": float("nan")},
        {"mem_usage": 101},
        {"evaluation_result": "good"},
        {"evaluation_result": "abnormally"},
    ],
)
def test_a_measurement_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    ReportNetworkMeasurement.model_validate(MEASUREMENT)
    with pytest.raises(ValidationError):
        ReportNetworkMeasurement.model_validate({**MEASUREMENT, **change})


def test_the_path_has_no_tasks_in_it() -> None:
    request = ReportNetworkMeasurement.model_validate(MEASUREMENT).request()

    assert request.path == "/v3/t/update-network-check-info"
    assert request.body["migration_speed"] == 100.0
