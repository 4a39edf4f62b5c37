"""Requests over HTTP as clients of the 2026-07-28 era make them: each whole in itself."""

import json
from typing import Any, TypedDict

import httpx

VERSION = "2026-07-28"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "example-client", "version": "1.0"},
    CAPABILITIES: {},
}


class Request(TypedDict):
    """What ``httpx`` is to post."""

    json: dict[str, Any]
    headers: dict[str, str]


def request(method: str, token: str | None = None, **params: Any) -> Request:
    """*method* with *params*, of whoever has *token*."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": method,
    }
    if named := params.get("name") or params.get("uri"):
        headers["Mcp-Name"] = named
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": META}}
    return {"json": body, "headers": headers}


def call(tool: str, token: str | None = None, **arguments: Any) -> Request:
    """A call of *tool*."""
    return request("tools/call", token, name=tool, arguments=arguments)


def message_in(reply: httpx.Response) -> dict[str, Any]:
    """The answer in *reply*, which may be a stream."""
    text = reply.text
    if reply.headers["content-type"].startswith("text/event-stream"):
        text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
    message: dict[str, Any] = json.loads(text)
    return message


def result_in(reply: httpx.Response) -> dict[str, Any]:
    """What the tool gave; the whole result where that is no object."""
    assert reply.status_code == 200, reply.text
    result = message_in(reply)["result"]
    found: dict[str, Any] = result.get("structuredContent") or result
    return found
