"""Templates: what is refused, how replies are read, and that passwords stay out of texts."""

from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.templates import (
    CreateTemplate,
    DeleteTemplates,
    GetTemplateTargetPassword,
    ListTemplates,
    PublicIp,
    Template,
    TemplatePage,
    TemplateReply,
    UpdateTemplate,
)

SETTINGS: dict[str, Any] = {
    "name": "web",
    "is_template": True,
    "region": "ap-southeast-3",
    "projectid": "0001",
}


def test_the_settings_travel_under_the_key_template() -> None:
    request = CreateTemplate(**SETTINGS).request()

    assert request.body == {"template": SETTINGS}


def test_an_update_keeps_its_template_id_out_of_the_body() -> None:
    request = UpdateTemplate(template_id="t-1", **SETTINGS).request()

    assert request.path == "/v3/vm/templates/t-1"
    assert request.body == {"template": SETTINGS}


def test_a_body_cannot_move_an_update_to_another_template() -> None:
    body = {"template": {**SETTINGS, "template_id": "other"}}

    assert UpdateTemplate.from_wire({"template_id": "mine"}, {}, body).template_id == "mine"


def test_a_body_without_its_wrapping_is_refused() -> None:
    with pytest.raises(ValidationError, match="Field required"):
        CreateTemplate.from_wire({}, {}, SETTINGS)


@pytest.mark.parametrize(
    "setting",
    [
        {"volumetype": "x" * 256},
        {"name": "x" * 256},
        {"target_password": "x" * 1_025},
        {"vpc": {"id": "", "name": "vpc"}},
        {"nics": [{"id": "autoCreate", "name": "autoCreate"}]},
        {"disk": [{"index": -1, "name": "system", "disktype": "SAS", "size": 40}]},
        {"disk": [{"index": 0, "name": "system", "disktype": "SAS", "size": 2**63}]},
        {"disks": []},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_setting_that_the_reference_does_not_allow_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CreateTemplate(**{**SETTINGS, **setting})


@pytest.mark.parametrize("bandwidth", [0, 2_001])
def test_a_bandwidth_outside_1_to_2000_is_refused(bandwidth: int) -> None:
    with pytest.raises(ValidationError):
        PublicIp(type="5_bgp", bandwidth_size=bandwidth)


@pytest.mark.parametrize("query", [{"limit": 101}, {"limit": -1}, {"offset": 65_536}])
def test_a_page_outside_the_bounds_is_refused(query: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ListTemplates.model_validate(query)


def test_a_batch_deletion_names_at_least_one_template() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        DeleteTemplates(ids=[])


@pytest.mark.parametrize(("sent", "read"), [("false", False), ("true", True), (True, True)])
def test_is_template_is_read_as_text_and_as_a_boolean(sent: object, read: bool) -> None:
    assert Template.read({"is_template": sent}).is_template is read


def test_nulls_and_junk_in_a_reply_lose_nothing_else() -> None:
    page = TemplatePage.read(
        {
            "count": 2,
            "templates": [
                {"id": "t-1", "vpc": None, "disk": [{"size": "n/a", "name": "system"}]},
                {"id": "t-2", "nics": "none", "new_field": 1},
            ],
        }
    )

    assert [template.id for template in page.items] == ["t-1", "t-2"]
    assert page.items[0].disk is not None
    assert page.items[0].disk[0].name == "system"
    assert page.items[1].nics is None
    assert page.items[1].model_extra == {"new_field": 1}


def test_a_password_does_not_show_in_the_text_of_a_value() -> None:
    password = "example-password"
    values = [
        CreateTemplate(**SETTINGS, target_password=password),
        TemplateReply.read({"template": {"target_password": password}}),
        GetTemplateTargetPassword.__spec__.result.read({"target_password": password}),
    ]

    assert all(password not in repr(value) for value in values)


def test_revealing_a_password_is_a_secret_call() -> None:
    assert GetTemplateTargetPassword(template_id="t-1").danger is Kind.SECRET
