"""API versions: the one operation whose path is a single placeholder."""

import pytest
from pydantic import ValidationError

from sms_tools.errors import RequestRefused
from sms_tools.operations import route
from sms_tools.operations.versions import ApiVersions, GetApiVersion, ListApiVersions


def test_the_list_of_versions_stands_at_the_root() -> None:
    assert ListApiVersions().request().path == "/"
    assert route("GET", "/") == (ListApiVersions, {})


@pytest.mark.parametrize("version", ["", ".", "..", "v3.2025.1001"])
def test_what_is_not_a_version_is_refused(version: str) -> None:
    with pytest.raises(ValidationError):
        GetApiVersion(version=version)


def test_a_version_with_a_slash_does_not_become_another_path() -> None:
    with pytest.raises(RequestRefused, match="version is not an id"):
        GetApiVersion(version="v3/tasks").request()


def test_a_version_without_links_is_read() -> None:
    versions = ApiVersions.read({"versions": [{"id": "v3", "links": None}]}).versions

    assert versions is not None
    assert versions[0].id == "v3"
