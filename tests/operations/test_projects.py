"""Migration projects: bounds, the optional settings, and the project that an update is about."""

from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.operations.projects import (
    CreateMigrationProject,
    ListMigrationProjects,
    MigrationProjectPage,
    SetDefaultMigrationProject,
    UpdateMigrationProject,
)

SETTINGS: dict[str, Any] = {
    "name": "wave-1",
    "region": "ap-southeast-3",
    "use_public_ip": True,
    "exist_server": False,
    "type": "MIGRATE_BLOCK",
    "syncing": True,
}


@pytest.mark.parametrize(
    "setting",
    [
        {"name": "x"},
        {"name": "x" * 20},
        {"speed_limit": -1},
        {"speed_limit": 10_001},
        {"type": "MIGRATE_TAPE"},
        {"description": "x" * 256},
        {"speed": 1},
    ],
    ids=str,
)
def test_a_setting_outside_its_bounds_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CreateMigrationProject(**{**SETTINGS, **setting})


@pytest.mark.parametrize("name", SETTINGS)
def test_the_mandatory_settings_are_the_same_for_create_and_update(name: str) -> None:
    settings = {key: value for key, value in SETTINGS.items() if key != name}

    with pytest.raises(ValidationError, match="Field required"):
        CreateMigrationProject(**settings)
    with pytest.raises(ValidationError, match="Field required"):
        UpdateMigrationProject(mig_project_id="p-1", **settings)


def test_settings_left_out_are_not_sent() -> None:
    assert CreateMigrationProject(**SETTINGS).request().body == SETTINGS


def test_numbers_that_come_as_text_are_accepted() -> None:
    body = CreateMigrationProject(**{**SETTINGS, "name": 225, "speed_limit": "100"}).request().body

    assert body["name"] == "225"
    assert body["speed_limit"] == 100


def test_an_update_may_repeat_its_project_in_the_body() -> None:
    request = UpdateMigrationProject(mig_project_id="p-1", id="p-1", **SETTINGS).request()

    assert request.path == "/v3/migprojects/p-1"
    assert request.body == {"id": "p-1", **SETTINGS}


def test_an_update_that_names_two_projects_is_refused() -> None:
    with pytest.raises(ValidationError, match="same project"):
        UpdateMigrationProject(mig_project_id="p-1", id="p-2", **SETTINGS)


def test_making_a_project_the_default_sends_no_body() -> None:
    request = SetDefaultMigrationProject(mig_project_id="p-1").request()

    assert (request.method, request.path) == ("PUT", "/v3/migprojects/p-1/default")
    assert request.body is None


@pytest.mark.parametrize("query", [{"limit": 101}, {"offset": 65_536}])
def test_a_page_outside_the_bounds_is_refused(query: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ListMigrationProjects.model_validate(query)


def test_a_project_with_an_unreadable_field_is_still_listed() -> None:
    page = MigrationProjectPage.read(
        {"count": 1, "migprojects": [{"id": "p-1", "speed_limit": "none", "isdefault": None}]}
    )

    assert page.items[0].id == "p-1"
    assert page.items[0].speed_limit is None
