"""Clients as people have them, against this server: what works with which.

Usage: ``python -m bench.interop [--command SMS_TOOLS]``

The Inspector's command line, the TypeScript SDK's client, a client of the Python SDK before 2, the
bridge ``mcp-remote`` (stdio to HTTP) and a strict converter of schemas. Each initializes, lists
tools, makes a read, makes a call that must be held for a person, reads a resource and gets a
prompt, on the sandbox. They come from npm and PyPI into a temporary folder. Prints a table; the
exit status is 1 if anything fails, and 2 where a client cannot be installed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = (
    "@modelcontextprotocol/inspector@0",
    "@modelcontextprotocol/sdk@1",
    "mcp-remote@0",
)
STEPS: Final = ("initialize", "list", "read", "held", "resource", "prompt")
READ: Final = "list_migration_projects"
HELD: Final = "sign_privacy_agreement"
RESOURCE: Final = "sms://audit/latest"
PROMPT: Final = "migration-status"
_LONGEST: Final = 120
_INSTALLING: Final = 600

_TYPESCRIPT: Final = """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
const [command, ...args] = JSON.parse(process.env.SERVER);
const client = new Client({ name: "interop-typescript", version: "1" }, { capabilities: {} });
const transport = new StdioClientTransport({ command, args, env: process.env, stderr: "ignore" });
await client.connect(transport);
const said = { initialize: client.getServerVersion() };
const { read, held, resource, prompt } = JSON.parse(process.env.WANTED);
const all = { maxTotalTimeout: 60000, timeout: 60000 };
said.list = await client.listTools({}, all);
said.read = await client.callTool({ name: read, arguments: {} }, undefined, all);
said.held = await client.callTool({ name: held, arguments: {} }, undefined, all);
said.resource = await client.readResource({ uri: resource }, all);
said.prompt = await client.getPrompt({ name: prompt, arguments: {} }, all);
console.log(JSON.stringify(said));
await client.close();
process.exit(0);
"""
_PYTHON: Final = """
import asyncio, json, os
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    command, *args = json.loads(os.environ["SERVER"])
    wanted = json.loads(os.environ["WANTED"])
    server = StdioServerParameters(command=command, args=args, env=dict(os.environ))
    async with stdio_client(server, errlog=open(os.devnull, "w")) as streams:
        async with ClientSession(*streams) as client:
            said = {"initialize": await client.initialize()}
            said["list"] = await client.list_tools()
            said["read"] = await client.call_tool(wanted["read"], {})
            said["held"] = await client.call_tool(wanted["held"], {})
            said["resource"] = await client.read_resource(wanted["resource"])
            said["prompt"] = await client.get_prompt(wanted["prompt"], {})
            whole = {k: v.model_dump(mode="json", by_alias=True) for k, v in said.items()}
            print(json.dumps(whole))

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the clients are, and how they start the server."""

    folder: Path
    server: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a client is given: the server to start and what to ask of it."""
        wanted = {"read": READ, "held": HELD, "resource": RESOURCE, "prompt": PROMPT}
        return {
            **os.environ,
            "SERVER": json.dumps(list(self.server)),
            "WANTED": json.dumps(wanted),
            "SMS_TOOLS_STATE_DIR": str(self.folder / "state"),
        }

    def ran(self, command: Sequence[str], **more: str) -> str:
        """What *command* prints.

        Raises:
            RuntimeError: it failed.
            subprocess.TimeoutExpired: it did not end.
        """
        done = subprocess.run(
            list(command),
            cwd=self.folder,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
        return done.stdout

    def bin(self, name: str) -> str:
        """A command that npm has installed."""
        return str(self.folder / "node_modules" / ".bin" / name)


Answers = Mapping[str, Any]


def inspector(place: Place) -> Answers:
    """The Inspector's command line: a process for each method, which initializes first."""

    def asked(method: str, *more: str) -> Any:
        words = [place.bin("mcp-inspector"), "--cli", *place.server, "--method", method, *more]
        return json.loads(place.ran(words))

    said = {
        "list": asked("tools/list"),
        "read": asked("tools/call", "--tool-name", READ),
        "held": asked("tools/call", "--tool-name", HELD),
        "resource": asked("resources/read", "--uri", RESOURCE),
        "prompt": asked("prompts/get", "--prompt-name", PROMPT),
    }
    listed = (asked("resources/list")["resources"], asked("prompts/list")["prompts"])
    return {**said, "initialize": all(listed)}


def typescript(place: Place) -> Answers:
    """The client of the TypeScript SDK."""
    return _typescript(place, place.server)


def _typescript(place: Place, server: Sequence[str]) -> Answers:
    script = place.folder / "client.mjs"
    script.write_text(_TYPESCRIPT, encoding="utf-8")
    said = place.ran(["node", str(script)], SERVER=json.dumps(list(server)))
    return dict(json.loads(said.splitlines()[-1]))


def python_1(place: Place) -> Answers:
    """A client of the Python SDK before 2, in an environment of its own."""
    script = place.folder / "client.py"
    script.write_text(_PYTHON, encoding="utf-8")
    words = ["uv", "run", "--quiet", "--no-project", "--with", "mcp<2", "python", str(script)]
    return dict(json.loads(place.ran(words).splitlines()[-1]))


def bridge(place: Place) -> Answers:
    """``mcp-remote``: a client that speaks stdio only, to the server over HTTP with its token."""
    with _over_http(place) as (address, token):
        header = f"Authorization:Bearer {token}"
        words = [place.bin("mcp-remote"), address, "--header", header, "--transport", "http-only"]
        return _typescript(place, words)


@contextmanager
def _over_http(place: Place) -> Iterator[tuple[str, str]]:
    command = [*place.server, "--http", "--port", "0"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=place.environment
    ) as server:
        try:
            assert server.stderr
            address = server.stderr.readline().split()[-1]
            token = place.folder / "state" / "sandbox" / "http-token"
            yield address, token.read_text(encoding="ascii").strip()
        finally:
            server.terminate()
            server.communicate(timeout=30)


def converter(place: Place) -> Answers:
    """OpenAI's strict converter, as its agents use it, over every tool that is listed."""
    from agents.strict_schema import ensure_strict_json_schema

    listed = json.loads(
        place.ran([place.bin("mcp-inspector"), "--cli", *place.server, "--method", "tools/list"])
    )
    for tool in listed["tools"]:
        strict = ensure_strict_json_schema(tool["inputSchema"])
        if set(strict["required"]) != set(strict["properties"]):
            raise RuntimeError(f"{tool['name']} is not strict")
    return {"list": listed}


CLIENTS: Final[Mapping[str, Callable[[Place], Answers]]] = {
    "Inspector, command line": inspector,
    "TypeScript SDK": typescript,
    "Python SDK before 2": python_1,
    "mcp-remote, to HTTP": bridge,
    "strict converter": converter,
}


def _held(answer: Any) -> bool:
    said = answer.get("structuredContent") or {}
    return said.get("status") == "approval_required" and "approval_command" in said


JUDGES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "initialize": bool,
    "list": lambda answer: len(answer["tools"]) > 50,
    "read": lambda answer: not answer.get("isError") and "migprojects" in json.dumps(answer),
    "held": _held,
    "resource": lambda answer: "entries" in answer["contents"][0]["text"],
    "prompt": lambda answer: bool(answer["messages"]),
}


def judged(answers: Answers) -> dict[str, str]:
    """Each step of a client in a word; what a client has no way to do is a dash."""
    return {
        step: ("yes" if JUDGES[step](answers[step]) else "FAILED") if step in answers else "-"
        for step in STEPS
    }


def installed(folder: Path) -> None:
    """Put the clients into *folder*.

    Raises:
        subprocess.CalledProcessError: npm could not.
    """
    npm = ["npm", "install", "--prefix", str(folder), "--silent", "--no-fund", "--no-audit"]
    subprocess.run([*npm, *PACKAGES], check=True, timeout=_INSTALLING)


def main() -> int:
    """Run every client and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    here = shutil.which("sms-tools", path=str(Path(sys.executable).parent)) or "sms-tools"
    options.add_argument("--command", default=here, help="which sms-tools the clients start")
    options.add_argument("--clients", type=Path, help="a folder where npm has put them already")
    given = options.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as made:
        folder = given.clients or Path(made)
        if given.clients is None:
            try:
                installed(folder)
            except (OSError, subprocess.SubprocessError) as error:
                print(f"the clients cannot be installed: {error}", file=sys.stderr)
                return 2
        place = Place(folder, [given.command, "serve", "--sandbox"])
        print(f"{'client':26}{''.join(f'{step:12}' for step in STEPS)}")
        for name, run in CLIENTS.items():
            try:
                row, why = judged(run(place)), ""
            except (
                OSError,
                RuntimeError,
                ValueError,
                LookupError,
                subprocess.SubprocessError,
            ) as e:
                row, why = dict.fromkeys(STEPS, "FAILED"), f"  {type(e).__name__}: {e}"
            failed |= "FAILED" in row.values()
            print(f"{name:26}{''.join(f'{row[step]:12}' for step in STEPS)}{why}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
