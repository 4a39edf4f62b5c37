"""Advanced migration options: open names, values as text."""

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.options import (
    ConfigureMigrationOptions,
    GetMigrationOptions,
    MigrationOptions,
)


def test_an_option_that_nobody_documents_passes_through() -> None:
    configured = ConfigureMigrationOptions.model_validate(
        {"task_id": "t", "configurations": [{"config_key": "NEW_ONE", "config_value": "x"}]}
    )

    assert configured.danger is Kind.DESTRUCTIVE
    assert configured.request().body == {
        "configurations": [{"config_key": "NEW_ONE", "config_value": "x"}]
    }


def test_a_number_is_sent_as_text() -> None:
    configured = ConfigureMigrationOptions.model_validate(
        {"task_id": "t", "configurations": [{"config_key": "LINUX_CPU_LIMIT", "config_value": 50}]}
    )

    assert configured.request().body["configurations"][0]["config_value"] == "50"


@pytest.mark.parametrize(
    "configurations",
    [
        [{"config_key": "ONLY_SYNC_DIR"}],
        [{"config_value": "/data"}],
        [{"config_key": "ONLY_SYNC_DIR", "config_value": "/" * 1025}],
        [{"config_key": "ONLY_SYNC_DIR", "config_value": "/data", "path": "/data"}],
        [{"config_key": "ONLY_SYNC_DIR", "config_value": "/data"}] * 11,
    ],
    ids=["no value", "no key", "long value", "unknown field", "eleven options"],
)
def test_options_outside_their_bounds_are_refused(configurations: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError):
        ConfigureMigrationOptions.model_validate({"task_id": "t", "configurations": configurations})


def test_all_options_are_read_unless_one_is_named() -> None:
    assert not GetMigrationOptions(task_id="t").request().query
    assert GetMigrationOptions(task_id="t", config_key="ONLY_SYNC_DIR").request().query == [
        ("config_key", "ONLY_SYNC_DIR")
    ]


def test_a_number_in_a_reply_is_read_as_text() -> None:
    options = MigrationOptions.read(
        {"configurations": [{"config_key": "LINUX_CPU_LIMIT", "config_value": 50}]}
    )

    assert options.configurations is not None
    assert options.configurations[0].config_value == "50"
