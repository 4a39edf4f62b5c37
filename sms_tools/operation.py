"""An operation of the Server Migration Service is a typed value.

``DeleteMigrationTask(task_id="…")`` is a request. Its class says, once, everything that the tool,
the HTTP client, the sandbox, the guard and the documentation need: the fields, the place on the
wire, the kind of danger and the type of the reply.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, get_args
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator

from sms_tools.errors import RequestRefused
from sms_tools.text import HIDDEN

JSON = Any
"""Whatever :func:`json.loads` gives."""

MOST_RECORDS: Final = 10_000_000
"""A count beyond this is no count of anything, and drives no loop."""

_ID: Final = re.compile(r"[A-Za-z0-9._-]+")
_WITHOUT_MARKERS: Final = (
    "Leave that field out to keep what is there; a person who knows the secret enters it again."
)
_WHERE_IDS_ARE: Final = (
    "Copy the id from list_source_servers, list_migration_tasks, list_templates or "
    "list_migration_projects."
)
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

    REPEATED: ClassVar[Sequence[str]] = (
        "state",
        "migration_cycle",
        "type",
        "os_type",
        "os_version",
    )
    """Fields whose few words come in very many records: lists keep each word once."""

    model_config = ConfigDict(
        extra="allow", coerce_numbers_to_str=True, defer_build=True, protected_namespaces=()
    )

    @classmethod
    def read(cls, payload: JSON) -> Self:
        """Read *payload*, taking a field that has an unexpected type as missing.

        A fleet's answer must not be lost because one server reports a number as "n/a". Whether
        *payload* is a reply to the operation at all is asked before, in :mod:`sms_tools.shape`.
        """
        whole = payload if isinstance(payload, dict) else {}
        try:
            return cls.model_validate(whole)
        except ValidationError as error:
            odd = error.errors(include_url=False, include_context=False, include_input=False)
            return cls.model_validate(_without(whole, [e["loc"] for e in odd]))


class Empty(Reply):
    """The service answers with nothing but a status."""


T = TypeVar("T", bound=Reply)
R = TypeVar("R", bound=Reply, covariant=True)


class Page(Reply, Generic[T]):
    """One page of a list. Subclasses name the field that holds the records."""

    count: int | None = None
    """How many records match in all, whatever the page."""
    _odd_count: str | None = PrivateAttr(None)
    _records: int = PrivateAttr(0)

    @classmethod
    def read(cls, payload: JSON) -> Self:
        """Read *payload*; a count that no list has is kept apart (:attr:`odd_count`)."""
        page = super().read(payload)
        given = payload if isinstance(payload, dict) else {}
        count = given.get("count")
        counted = whole_count(count)
        if page.count != counted:
            page.count = counted
        if count is not None and counted is None:
            page._odd_count = repr(count)[:24]
        records = given.get(cls.records_key())
        page._records = len(records) if isinstance(records, list) else 0
        for item in page.items:
            _slim(item)
        return page

    @classmethod
    def records_key(cls) -> str:
        """The field that holds the records."""
        return next(name for name in cls.model_fields if name != "count")

    @property
    def odd_count(self) -> str | None:
        """What stood where a count belongs, if it is none."""
        return self._odd_count

    @property
    def records(self) -> int:
        """How many records the page held, those included that could not be read at all."""
        return max(self._records, len(self.items))

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
            if not str(getattr(self, name)).replace(".", "").strip():
                raise ValueError(f"{name} must name something; it is empty or dots")
        return self

    def check(self) -> None:
        """Refuse what must never be sent: a marker of ours, and what cannot be an id in the path.

        Whoever sends back what was read would replace a secret by the word that hid it. Anything
        but an id could lead to another operation, if not here then in a proxy or gateway that
        reads ``%2F``, ``%00`` or dots its own way. Asked before a person is, and before sending.

        Raises:
            RequestRefused: a field of the path holds other characters than an id has, or a
                field holds ``[hidden]``.
        """
        arguments = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if place := hidden_in(arguments):
            raise RequestRefused(
                f"{self.__spec__.name}: {place} holds {HIDDEN}, which stands for a secret that was "
                "left out of what you read. Nothing was sent.",
                advice=_WITHOUT_MARKERS,
            )
        for name in self.__spec__.path_fields:
            if not _ID.fullmatch(str(getattr(self, name))):
                raise RequestRefused(
                    f"{self.__spec__.name}: {name} is not an id. Ids hold letters, digits, '-', "
                    "'_' and '.', and nothing else. Nothing was sent.",
                    advice=_WHERE_IDS_ARE,
                )

    @property
    def danger(self) -> Kind:
        """The kind of this very call; differs from the class's kind where arguments decide."""
        return self.__spec__.kind

    def wire_arguments(self) -> dict[str, JSON]:
        """Its arguments under their wire names, without those left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)

    def request(self) -> Request:
        """The request on the wire: path fields, then a query for GET and DELETE, else a body.

        Raises:
            RequestRefused: a field of the path cannot be an id.
        """
        self.check()
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


_NAMES: Final[dict[frozenset[str], set[str]]] = {}
_MOST_SHAPES: Final = 2_000
_NO_OTHERS: Final[dict[str, Any]] = {}


def _slim(record: Reply) -> None:
    """Let records of one shape share the set of their fields' names, which weighs as much as they,
    and words such as states, which come in every record.

    Nobody sets a field of a record of a list; a copy has a set of its own.
    """
    own = record.__pydantic_fields_set__
    key = frozenset(own)
    if key in _NAMES or len(_NAMES) < _MOST_SHAPES:
        object.__setattr__(record, "__pydantic_fields_set__", _NAMES.setdefault(key, own))
    if not record.__pydantic_extra__:
        object.__setattr__(record, "__pydantic_extra__", _NO_OTHERS)
    values = record.__dict__
    for name in _words(type(record)):
        word = values[name]
        if word is not None:
            values[name] = sys.intern(word)
    for name in _inner(type(record)):
        value = values[name]
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, Reply) and each.__pydantic_extra__ is not _NO_OTHERS:
                _slim(each)  # others are shared records, and slim


@cache
def _words(model: type[Reply]) -> Sequence[str]:
    """The fields of *model* whose values come in many records: states, steps, systems."""
    return [name for name in model.REPEATED if name in model.model_fields]


@cache
def _inner(model: type[Reply]) -> Sequence[str]:
    """The fields of *model* that may hold records."""
    fields = model.model_fields.items()
    return [name for name, field in fields if _names_a_record(field.annotation)]


def _names_a_record(annotation: Any) -> bool:
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, Reply)
    return any(_names_a_record(each) for each in get_args(annotation))


def whole_count(value: JSON) -> int | None:
    """*value* as a number of records, or None where it cannot be one."""
    if isinstance(value, str) and value.strip().isascii() and len(value) < 20:
        value = int(value) if value.strip().isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MOST_RECORDS and value == int(value) else None


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


def hidden_in(value: JSON, place: str = "") -> str | None:
    """Where in *value* a marker of ours stands, as a path such as ``disks[0].name``; or None."""
    if isinstance(value, str):
        return place if HIDDEN in value else None
    if isinstance(value, Mapping):
        for name, each in value.items():
            inside = f"{place}.{name}" if place else str(name)
            found = hidden_in(each, inside)
            if found or HIDDEN in str(name):
                return found or inside
        return None
    parts = enumerate(value) if isinstance(value, (list, tuple)) else ()
    inside_parts = (hidden_in(each, f"{place}[{number}]") for number, each in parts)
    return next((each for each in inside_parts if each), None)
