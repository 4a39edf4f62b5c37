"""The official conformance suite against this server's own factory, with the suite's fixtures.

Usage: ``python -m bench.conformance [--node NODE]``

The suite (``@modelcontextprotocol/conformance``, from npm) wants tools, resources and prompts of
names that it knows; they are added to the server that ``sms-tools serve --http`` runs, on the
sandbox. What it then tries is the protocol as this server speaks it: handshake, lists, calls,
progress, dialogs, resources, prompts, completion, rebinding. What the server does not offer, on
purpose, is listed in `NOT_OFFERED` with the reason, and its failures are counted apart. Prints the
score; the exit status is 1 if anything else fails. The suite needs Node 22 or later.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Audio, Context, Image
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp_types import (
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    TextResourceContents,
)
from pydantic import BaseModel, Field

from sms_tools.guard import Policy
from sms_tools.sandbox import open_sandbox
from sms_tools.server import ToolServer, open_runtime
from sms_tools.server.build import told_of
from sms_tools.server.http import Door, serve_http
from sms_tools.server.prompts import add_prompts
from sms_tools.server.resources import add_resources
from sms_tools.settings import Settings

SUITE: Final = "@modelcontextprotocol/conformance@0.1.16"
NOT_OFFERED: Final[Mapping[str, str]] = {
    "logging-set-level": "log messages to the client: deprecated in 2026-07-28, nothing is logged",
    "tools-call-with-logging": "as above",
    "tools-call-sampling": "sampling: this server asks no model anything",
    "resources-subscribe": "subscriptions of the older era: 2026-07-28 listens instead",
    "resources-unsubscribe": "as above",
}
_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
_SILENCE: Final = (
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
    b"\x02\x00\x10\x00data\x02\x00\x00\x00\x00\x00"
)
_DATE: Final = re.compile(r"-\d{4}-\d\d-\d\dT.*$")
_LONGEST: Final = 300

Any_Context = Context[Any, Any]


class WithFixtures(ToolServer):
    """The server, and the tools that the suite calls by name."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Any = None
    ) -> CallToolResult | InputRequiredResult:
        """A fixture as the SDK calls it; every other tool as the server does."""
        if name in _FIXTURES or name == _SCHEMA_TOOL:
            return await super(ToolServer, self).call_tool(name, arguments, context)
        return await super().call_tool(name, arguments, context)


def simple_text() -> str:
    return "This is a simple text response for testing."


def image() -> Image:
    return Image(data=_PIXEL, format="png")


def audio() -> Audio:
    return Audio(data=_SILENCE, format="wav")


def embedded() -> EmbeddedResource:
    return _embedded("test://embedded-resource", "This is an embedded resource content.")


def mixed() -> list[Any]:
    data = '{"test":"data","value":123}'
    found = TextResourceContents(
        uri="test://mixed-content-resource", mime_type="application/json", text=data
    )
    return [
        "Multiple content types test:",
        Image(data=_PIXEL, format="png"),
        EmbeddedResource(type="resource", resource=found),
    ]


def failing() -> str:
    raise ValueError("This tool intentionally returns an error for testing")


async def progress(context: Any_Context) -> str:
    for done in (0, 50, 100):
        await context.report_progress(done, 100)
    return "done"


class _Asked(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


async def elicitation(message: str, context: Any_Context) -> str:
    return _said(await context.elicit(message, _Asked))


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


async def defaults(context: Any_Context) -> str:
    return _said(await context.elicit("Please review", _Defaults))


def _titled(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"const": value, "title": title} for value, title in pairs]


_ONE = _titled(("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option"))
_MANY = _titled(("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice"))
_PLAIN = ["option1", "option2", "option3"]
_ENUMS: Final = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": _PLAIN},
        "titledSingle": {"type": "string", "oneOf": _ONE},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _PLAIN}},
        "titledMulti": {"type": "array", "items": {"anyOf": _MANY}},
    },
}


async def enums(context: Any_Context) -> str:
    return _said(await context.session.elicit_form("Please choose", _ENUMS, context.request_id))


async def reconnection(context: Any_Context) -> str:
    await context.close_sse_stream()
    return "Reconnection test completed successfully"


def _said(result: Any) -> str:
    content = getattr(result, "data", None) or getattr(result, "content", None)
    shown = content.model_dump() if isinstance(content, BaseModel) else content
    return f"Elicitation completed: action={result.action}, content={json.dumps(shown)}"


def _embedded(uri: str, text: str) -> EmbeddedResource:
    found = TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    return EmbeddedResource(type="resource", resource=found)


_FIXTURES: Final[Mapping[str, Callable[..., Any]]] = {
    "test_simple_text": simple_text,
    "test_image_content": image,
    "test_audio_content": audio,
    "test_embedded_resource": embedded,
    "test_multiple_content_types": mixed,
    "test_error_handling": failing,
    "test_tool_with_progress": progress,
    "test_elicitation": elicitation,
    "test_elicitation_sep1034_defaults": defaults,
    "test_elicitation_sep1330_enums": enums,
    "test_reconnection": reconnection,
}
_SCHEMA_TOOL: Final = "json_schema_2020_12_tool"
_SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}


def with_fixtures(server: WithFixtures) -> WithFixtures:
    """*server* with what the suite looks for."""
    for name, work in _FIXTURES.items():
        server.add_tool(work, name=name, description=f"Fixture {name}", structured_output=False)
    server.add_tool(simple_text, name=_SCHEMA_TOOL, description="JSON Schema 2020-12")
    for tool in server._tool_manager.list_tools():
        if tool.name == _SCHEMA_TOOL:
            tool.parameters = dict(_SCHEMA)

    @server.resource("test://static-text", description="text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="binary", mime_type="image/png")
    def static_binary() -> bytes:
        return _PIXEL

    @server.resource("test://template/{id}/data", description="template")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.prompt("test_simple_prompt", description="simple")
    def simple() -> str:
        return "This is a simple prompt for testing."

    @server.prompt("test_prompt_with_arguments", description="arguments")
    def arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt("test_prompt_with_embedded_resource", description="resource")
    def with_resource(resourceUri: str) -> list[Message]:  # noqa: N803 (the suite's name)
        found = _embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(found), UserMessage("Please process the embedded resource above.")]

    @server.prompt("test_prompt_with_image", description="image")
    def with_image() -> list[Message]:
        data = base64.b64encode(_PIXEL).decode()
        shown = ImageContent(type="image", data=data, mime_type="image/png")
        return [UserMessage(shown), UserMessage("Please analyze the image above.")]

    return server


async def scored(node: str, script: Path, folder: Path) -> int:
    """Run the suite, print what came of each scenario and the score; 1 if one failed."""
    sandbox = open_sandbox()
    settings = Settings.for_sandbox(state_dir=folder / "state")
    async with open_runtime(settings, Policy(), transport=sandbox.transport()) as runtime:
        server = WithFixtures(runtime, "all", **told_of(runtime, "all", scope="public"))
        add_resources(server, runtime)
        add_prompts(server, runtime)
        with_fixtures(server)
        code = 1

        async with anyio.create_task_group() as group:

            async def run(address: str) -> None:
                nonlocal code
                code = await anyio.to_thread.run_sync(_suite, node, script, address, folder)
                group.cancel_scope.cancel()

            def ready(address: str) -> None:
                group.start_soon(run, address)

            await serve_http(server, "127.0.0.1", 0, ready, Door())
        return code


def _suite(node: str, script: Path, address: str, folder: Path) -> int:
    results = folder / "results"
    subprocess.run(
        [node, str(script), "server", "--url", f"{address}/mcp", "-o", str(results)],
        capture_output=True,
        timeout=_LONGEST,
        check=False,
    )
    passed, checks, wrong = 0, 0, []
    for path in sorted(results.glob("**/checks.json")):
        name = _DATE.sub("", path.parent.name.removeprefix("server-"))
        told = json.loads(path.read_text("utf-8"))
        failed = [each for each in told if each["status"] == "FAILURE"]
        good = [each for each in told if each["status"] == "SUCCESS"]
        if name in NOT_OFFERED:
            print(f"  not offered  {name}: {NOT_OFFERED[name]}")
            continue
        passed, checks = passed + len(good), checks + len(good) + len(failed)
        print(f"  {'FAILED' if failed else 'passed':11}  {name} ({len(good)} of {len(told)})")
        for each in failed:
            wrong.append(name)
            print(f"               {each.get('errorMessage') or each['description']}")
    left = len(NOT_OFFERED)
    print(f"conformance: {passed} of {checks} checks passed; {left} scenarios are not offered")
    return int(bool(wrong) or not checks)


def main() -> int:
    """Install the suite where it is not given, and run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--node", default=shutil.which("node"), help="Node 22 or later")
    options.add_argument("--suite", type=Path, help="a folder where the suite is installed")
    given = options.parse_args()
    if not given.node:
        print("no node here: the suite cannot run", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        place = given.suite or Path(folder)
        if given.suite is None:
            npm = ["npm", "install", "--prefix", folder, "--silent", "--no-fund", "--no-audit"]
            subprocess.run([*npm, SUITE], check=True, timeout=_LONGEST)
        script = place / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        return anyio.run(scored, given.node, script, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
