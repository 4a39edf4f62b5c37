"""Lines on standard input that are no message: each gets an answer.

The SDK's transport hands such a line on as an exception, which the server then drops: the client
waits for its time-out and nobody learns why. Here it is answered with a JSON-RPC error, under the
request's id where one can be read.
"""

import json
import logging
import re
from types import TracebackType
from typing import Any, Final, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

Received = SessionMessage | Exception

_ID: Final = re.compile(r'"id"\s*:\s*(?P<id>-?\d{1,18}\b|"(?:[^"\\]|\\.){0,200}")')
_METHOD: Final = re.compile(r'"method"\s*:\s*"')
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

logger = logging.getLogger(__name__)


class AnsweredLines:
    """The read side of a stdio transport, with an answer on *write* for every line that is none.

    Everything else of *read* is as it was.
    """

    def __init__(self, read: Any, write: Any) -> None:
        """Read from *read*, answer on *write*."""
        self._read = read
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._read, name)

    async def receive(self) -> Received:
        """The next message.

        Raises:
            anyio.EndOfStream: the client has closed its end.
        """
        while True:
            item: Received = await self._read.receive()
            if not isinstance(item, ValidationError):
                return item
            answer = answer_to(item)
            logger.warning("A line on standard input could not be read as a message.")
            if answer is not None:
                await self._write.send(SessionMessage(answer))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._read.aclose()


def answer_to(error: ValidationError) -> JSONRPCError | None:
    """What a client is told of a line that *error* refused; None where it waits for nothing."""
    line = error.errors(include_url=False)[0].get("input")
    if not isinstance(line, str):  # JSON, but no message of the protocol
        whole = line if isinstance(line, dict) else {}
        if "method" not in whole and ("result" in whole or "error" in whole):
            return None
        return _error(whole.get("id"), INVALID_REQUEST, "This is JSON, but not a JSON-RPC message.")
    if not line.strip():
        return None
    found = _ID.search(line)
    if found is None and not _METHOD.search(line) and "result" in line:
        return None
    said = "This line is not JSON"
    if _SURROGATE.search(line):
        said += r": a text in it holds half of a surrogate pair (\ud800 to \udfff). Send the whole "
        said += "character, or leave it out"
    return _error(_id_in(found["id"]) if found else None, PARSE_ERROR, f"{said}.")


def _id_in(text: str) -> Any:
    """The id that *text* is; None where it could not be written back."""
    try:
        found = json.loads(text)
        str(found).encode()
    except ValueError:  # a broken escape, or half of a surrogate pair
        return None
    return found


def _error(id_: Any, code: int, message: str) -> JSONRPCError:
    known = id_ if isinstance(id_, str | int) and not isinstance(id_, bool) else None
    return JSONRPCError(jsonrpc="2.0", id=known, error=ErrorData(code=code, message=message))
