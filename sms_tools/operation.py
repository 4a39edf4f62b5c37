"""An operation of the Server Migration Service is a typed value.

``DeleteMigrationTask(task_id="…")`` is a request. Its class says, once, everything that the tool,
the HTTP client, the sandbox, the guard and the documentation need: the fields, the place on the
wire, the kind of danger and the type of the reply.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

JSON = Any
"""Whatever :func:`json.loads` gives."""

_ACRONYMS = {"acl": "ACL", "api": "API", "sha256": "SHA-256"}


class Kind(StrEnum):
    """How much harm a call can do, mildest first."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    SECRET = "secret"  # noqa: S105 (a kind of danger, not a password)
    AGENT = "agent"


class Reply(BaseModel):
    """What the service answers. Every field may be missing, unknown fields are kept."""

    model_config = ConfigDict(
        extra="allow", coerce_numbers_to_str=True, defer_build=True, protected_namespaces=()
    )

    @classmethod
    def read(cls, payload: JSON) -> Self:
        """Read *payload*, taking a field that has an unexpected type as missing.

        A fleet's answer must not be lost because one server reports a number as "n/a".
        """
        try:
            return cls.model_validate(payload if isinstance(payload, dict) else {})
        except ValidationError as error:
            return cls.model_validate(_without(payload, [e["loc"] for e in error.errors()]))


class Empty(Reply):
    """The service answers with nothing but a status."""


T = TypeVar("T", bound=Reply)
R = TypeVar("R", bound=Reply, covariant=True)


class Page(Reply, Generic[T]):
    """One page of a list. Subclasses name the field that holds the records."""

    count: int | None = None
    """How many records match in all, whatever the page."""

    @property
    def items(self) -> Sequence[T]:
        """The records of this page."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Request:
    """An operation as HTTP sees it, without a host and without credentials."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: JSON = None


@dataclass(frozen=True, slots=True)
class Spec:
    """What a class keyword list says about an operation."""

    name: str
    method: str
    path: str
    kind: Kind
    section: str
    result: type[Reply]
    idempotent: bool
    replaces: bool
    """Whether what was there before is lost, though the call itself is no danger to the data."""
    wrapped_in: str | None
    path_fields: Sequence[str]
    description: str

    @property
    def title(self) -> str:
        """The name as a person writes it: ``Check network ACL``."""
        words = [_ACRONYMS.get(word, word) for word in self.name.split("_")]
        return " ".join([words[0].capitalize(), *words[1:]])


class Fields(BaseModel):
    """A group of request fields: unknown ones are refused, numbers may come as strings."""

    model_config = ConfigDict(
        extra="forbid",
        coerce_numbers_to_str=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class Operation(Fields, Generic[R]):
    """One documented operation, generic in its reply.

    Class keywords: ``method``, ``path`` (placeholders are field names), ``kind`` (the worst that
    the operation can do), ``section`` of the reference; optionally ``idempotent`` (default: true
    for GET, PUT and DELETE), ``replaces`` (former settings are lost unless somebody noted them) and
    ``wrapped_in`` (the body stands under this one key).
    """

    __spec__: ClassVar[Spec]

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Turn the class keywords into ``__spec__``; ``Operation[Reply]`` itself has none."""
        super().__init_subclass__()
        if keywords:
            cls.__spec__ = _spec(cls, **keywords)

    @model_validator(mode="after")
    def _path_parts_are_whole(self) -> Self:
        # An empty or dotted part would turn the path into the path of another operation.
        for name in self.__spec__.path_fields:
            if str(getattr(self, name)).strip() in ("", ".", ".."):
                raise ValueError(f"{name} must name something; it is empty or dots")
        return self

    @property
    def danger(self) -> Kind:
        """The kind of this very call; differs from the class's kind where arguments decide."""
        return self.__spec__.kind

    def request(self) -> Request:
        """The request on the wire: path fields, then a query for GET and DELETE, else a body."""
        spec = self.__spec__
        sent = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
        parts = {name: quote(str(sent.pop(name)), safe="") for name in spec.path_fields}
        path = spec.path.format(**parts)
        if spec.method in ("GET", "DELETE"):
            return Request(spec.method, path, [(k, _query_text(v)) for k, v in sent.items()])
        if len(type(self).model_fields) == len(spec.path_fields):
            return Request(spec.method, path)  # documented without a body, so none is sent
        return Request(spec.method, path, (), {spec.wrapped_in: sent} if spec.wrapped_in else sent)

    @classmethod
    def from_wire(cls, path: Mapping[str, str], query: Mapping[str, str], body: JSON) -> Self:
        """The operation that a request carries: the inverse of :meth:`request`.

        Raises:
            ValidationError: the request does not fit the operation.
        """
        spec = cls.__spec__
        if spec.wrapped_in and isinstance(body, dict):
            body = body.get(spec.wrapped_in)
        # The path comes last: a body must not name another target than the URL does.
        return cls.model_validate({**query, **(body if isinstance(body, dict) else {}), **path})


def _spec(
    cls: type[Operation[Any]],
    *,
    method: str,
    path: str,
    kind: Kind,
    section: str,
    idempotent: bool | None = None,
    replaces: bool = False,
    wrapped_in: str | None = None,
) -> Spec:
    return Spec(
        name=snake_case(cls.__name__),
        method=method,
        path=path,
        kind=kind,
        section=section,
        result=cls.__bases__[0].__pydantic_generic_metadata__["args"][0],  # type: ignore[attr-defined]
        idempotent=method != "POST" if idempotent is None else idempotent,
        replaces=replaces,
        wrapped_in=wrapped_in,
        path_fields=tuple(part[1:-1] for part in path.split("/") if part.startswith("{")),
        description=" ".join((cls.__doc__ or "").split()),
    )


def snake_case(name: str) -> str:
    """``DeleteMigrationTask`` as its tool is called: ``delete_migration_task``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _query_text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without(payload: JSON, places: Sequence[tuple[int | str, ...]]) -> JSON:
    """A copy of *payload* without the values at *places*."""
    if isinstance(payload, dict):
        return {
            key: _without(value, [place[1:] for place in places if place[0] == key])
            for key, value in payload.items()
            if (key,) not in places
        }
    if isinstance(payload, list):
        return [
            _without(value, [place[1:] for place in places if place[0] == index])
            for index, value in enumerate(payload)
            if (index,) not in places
        ]
    return payload
