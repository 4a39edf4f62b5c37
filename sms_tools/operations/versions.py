"""API versions (reference 5.1): which versions of the service's interface an endpoint speaks."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Kind, Operation, Reply


class Link(Reply):
    """An address that the service points at."""

    href: str | None = None
    rel: str | None = None


class ApiVersion(Reply):
    """A version of the interface."""

    id: str | None = None
    links: list[Link] | None = None
    status: str | None = None
    updated: str | None = None
    """ISO 8601 in UTC, e.g. 2018-09-30T00:00:00Z."""


class ApiVersions(Reply):
    """Every version that the endpoint speaks; all come at once."""

    versions: list[ApiVersion] | None = None


class ListApiVersions(
    Operation[ApiVersions], method="GET", path="/", kind=Kind.READ, section="5.1.1"
):
    """List the versions of the server migration API (API 版本) that this endpoint speaks, with
    their status. Tests whether the service is up (alive) and answers at all; says nothing about
    servers or tasks. get_api_version reads one of them.
    """


class GetApiVersion(
    Operation[ApiVersion], method="GET", path="/{version}", kind=Kind.READ, section="5.1.2"
):
    """Read one version of the server migration API: its status, address and last update.
    list_api_versions shows which versions there are. Every tool here uses v3.
    """

    version: Annotated[str, Field(min_length=1, max_length=10, description="Version id, e.g. v3.")]
