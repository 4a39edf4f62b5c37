"""The registry's entry as a value: what its schema asks of `server.json`."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


def _word(name: str) -> str:
    return "$schema" if name == "schema_" else to_camel(name)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=_word)


_Version = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\d[\w.+-]*$")]
_Link = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class _Input(_Closed):
    description: str = ""
    is_required: bool = False
    is_secret: bool = False
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    value: str | None = None
    default: str | None = None
    placeholder: str | None = None
    choices: list[str] = Field(default_factory=list)


class _Variable(_Input):
    name: str


class _Argument(_Input):
    type: Literal["positional", "named"]
    name: str | None = None
    value_hint: str | None = None
    is_repeated: bool = False

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        if self.type == "positional" and self.value is None and self.value_hint is None:
            raise ValueError("a positional argument has a value or a hint for one")
        if self.type == "named" and self.name is None:
            raise ValueError("a named argument has a name")
        return self


class _Stdio(_Closed):
    type: Literal["stdio"]


class _Package(_Closed):
    registry_type: Literal["npm", "pypi", "oci", "nuget", "mcpb"]
    identifier: Annotated[str, Field(min_length=1)]
    version: _Version
    transport: _Stdio
    runtime_hint: str | None = None
    registry_base_url: _Link | None = None
    runtime_arguments: list[_Argument] = Field(default_factory=list)
    package_arguments: list[_Argument] = Field(default_factory=list)
    environment_variables: list[_Variable] = Field(default_factory=list)


class RegistryEntry(_Closed):
    """What the registry's schema of 2025-12-11 asks of an entry, in so far as ours has it.

    Stricter where the schema is open: an unknown word is a mistake here.
    Source: github.com/modelcontextprotocol/registry, docs/reference/server-json.
    """

    schema_: Literal["https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"]
    name: Annotated[
        str, Field(min_length=3, max_length=200, pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$")
    ]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(min_length=1, max_length=100)]
    version: _Version
    website_url: _Link | None = None
    packages: Annotated[list[_Package], Field(min_length=1)]
