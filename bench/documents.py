"""Writes from the code what documents say of it: tools, errors, settings, commands.

Usage: ``python -m bench.documents [--check]``

``docs/tools.md``, ``docs/errors.md`` and ``docs/configuration.md`` are written whole; in the two
READMEs what stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. Replies come from a
sandbox whose clock stands still, so that the same code writes the same words. With ``--check``
nothing is written, and the exit status is 1 if something is stale.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
from mcp import Client

from bench.attacks import counted
from bench.settings import SETTINGS
from sms_tools.cli import COMMANDS, parser_for
from sms_tools.cli.clients import CLIENTS, Wish, text_of
from sms_tools.guard import Policy
from sms_tools.knowledge.errors import all_codes, explain
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.sandbox.scenarios import SCENARIOS
from sms_tools.server import build_server, open_runtime
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.settings import Settings

ROOT: Final = Path(__file__).parents[1]
_NOTE: Final = "<!-- Written by `python -m bench.documents`; change the code, not this file. -->\n"
_BLOCK: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PASSING: Final = re.compile(
    r"^(approval_id|approval_url|approval_command|expires_at|plan_id|digest)$"
)
_PASSING_ID: Final = re.compile(r"\bP?[0-9A-Z]{4}-[0-9A-Z]{4}\b")
_VARIABLE: Final = re.compile(r"\b(?:SMS_TOOLS|HUAWEICLOUD_SDK)_[A-Z_]*[A-Z]\b")
_LONGEST_TEXT: Final = 200
_NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Json = dict[str, Any]


def main() -> int:
    """Write, or compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; 1 if one is stale")
    check = options.parse_args().check
    stale = [path for path, text in documents() if _differs(path, text, write=not check)]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is stale' if check else 'written'}")
    if check and stale:
        print("run: uv run python -m bench.documents", file=sys.stderr)
    return int(check and bool(stale))


def documents() -> Iterator[tuple[Path, str]]:
    """Every document and what it must say."""
    docs = ROOT / "docs"
    yield docs / "tools.md", anyio.run(_tools)
    yield docs / "errors.md", _errors()
    yield docs / "configuration.md", _configuration()
    yield docs / "clients.md", _clients()
    for name in ("README.md", "README.zh.md"):
        path = ROOT / name
        yield path, with_blocks(path.read_text(encoding="utf-8"), chinese=name.endswith("zh.md"))


def with_blocks(text: str, *, chinese: bool = False) -> str:
    """*text* with what stands between the marks written anew.

    Raises:
        KeyError: a mark names nothing that is known.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}{_BLOCKS[found[2]](chinese)}{found[3]}", text)


def _differs(path: Path, text: str, *, write: bool) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    if write:
        path.write_text(text, encoding="utf-8")
    return True


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |\n" for line in lines)


def _commands(chinese: bool) -> str:
    parser = parser_for(*COMMANDS)
    (commands,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    rows = []
    for name, summary in COMMANDS.items():
        actions = [a for a in commands.choices[name]._actions if a.dest != "help"]
        places = [str(a.metavar or a.dest.upper()) for a in actions if not a.option_strings]
        given = [f"`{a.option_strings[-1]}`" for a in actions if a.option_strings]
        said = f"`{' '.join(['sms-tools', name, *(f'[{place}]' for place in places)])}`"
        if name == "sandbox":
            given.append(f"scenarios: {', '.join(SCENARIOS)}")
        rows.append([said, summary + (f": {', '.join(given)}" if given else "")])
    return _table(["命令", "说明"] if chinese else ["command", "what it does"], rows)


def _settings(chinese: bool) -> str:
    rows = [[f"`{name}`", words] for name, words in SETTINGS.items() if name in variables()]
    return _table(["变量", "含义"] if chinese else ["variable", "meaning"], rows)


def variables() -> set[str]:
    """The settings that the package's code names."""
    package = ROOT / "sms_tools"
    return {
        found
        for path in package.rglob("*.py")
        for found in _VARIABLE.findall(path.read_text(encoding="utf-8"))
    }


def _questions(chinese: bool) -> str:
    rows = [
        [f"`{tool.name}`", _sentence(tool.description)]
        for tool in offered_tools()
        if tool.role in ("question", "plan")
    ]
    return _table(["工具", "回答"] if chinese else ["tool", "what it answers"], rows)


@cache
def _attacks(chinese: bool) -> str:
    attempts = f"{counted():,}"
    if chinese:
        return f"`python -m bench.attacks`：{attempts} 次攻击尝试，0 次得手。\n"
    return f"`python -m bench.attacks`: {attempts} attempts, 0 through.\n"


def _sizes(chinese: bool) -> str:
    every, guided = offered_tools(), offered_tools("guided")
    operations = [tool for tool in every if tool.role == "operation"]
    parts = [
        f"{len(some)} {what}: {sum(tool.size for tool in some):,} bytes"
        for some, what in (
            (operations, "项操作" if chinese else "operations"),
            (every, "个工具" if chinese else "tools in all"),
            (guided, "个(`--tools guided`)" if chinese else "with `--tools guided`"),
        )
    ]
    return "; ".join(parts) + ".\n"


_BLOCKS: Final[Mapping[str, Callable[[bool], str]]] = {
    "commands": _commands,
    "settings": _settings,
    "questions": _questions,
    "sizes": _sizes,
    "attacks": _attacks,
}


def _sentence(text: str) -> str:
    """The first sentence."""
    return re.split(r"(?<=[.?])\s", " ".join(text.split()), maxsplit=1)[0]


def _configuration() -> str:
    return (
        f"{_NOTE}# Configuration\n\n"
        "Settings are read once, from the environment; an empty one counts as not set. What is"
        " wrong is said all at once, by every command, and never with a value. `sms-tools check`"
        " tries what is set.\n\n"
        f"{_settings(False)}\n"
        "Where several ways to identify are set, the more particular wins: a ready token, then an"
        " IAM user, then a key pair, then a credentials file. `check` names those that are"
        " ignored.\n\n"
        "The credentials file is the official SDK's:\n\n"
        "```ini\n[global]\nak = ...\nsk = ...\n```\n\n"
        f"## Commands\n\n{_commands(False)}\n"
        "Every command ends with 0 when it did what was asked, 1 when it could not, 2 when it was"
        " called wrongly, and says why in a line on standard error. Options in full:"
        " `sms-tools COMMAND --help`.\n"
    )


def _clients() -> str:
    lines = [
        f"{_NOTE}# Clients\n",
        "`sms-tools setup CLIENT` prints what stands here with the paths of your machine, and"
        " `--write` merges it into the client's file, after a copy. `--sandbox`, `--read-only` and"
        " `--guided` are carried over; `--http` connects to a server that runs already. Keys are"
        " never written: VS Code asks for them, every other client's server reads the official"
        " SDK's credentials file. The shapes are those of the sources named; where a client's own"
        " program could be asked, a test asks it.\n",
        "Without setting up anything in a client, see that the server starts:\n",
        "```sh\nuv run sms-tools tools --tools guided\n```\n",
        "No call takes longer than 45 seconds unless its arguments ask for it, so that clients"
        " which stop at 60 seconds get an answer. A person's open dialog is not counted: where a"
        " client gives up meanwhile, nothing is done, and the same call made again asks a person"
        " again.\n",
    ]
    for kind in CLIENTS.values():
        wish = Wish(
            command="/absolute/path/to/sms-tools",
            args=["serve"],
            env={}
            if kind.asks_for_keys
            else {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "/home/you/.huaweicloud/credentials"},
        )
        lines += [
            f"## {kind.title}\n",
            f"```sh\nuv run sms-tools setup {kind.name} --sandbox\n```\n",
            f"```{kind.form}\n{text_of(kind, kind.shape(wish))}```\n",
            f"{kind.after} Limits: {kind.limits}. Shape from: {kind.source}.\n",
        ]
    return "\n".join(lines)


def _errors() -> str:
    lines = [
        f"{_NOTE}# Error codes\n",
        "What `explain_error_code` knows: cause, first step, who can take it (`api`: these tools;"
        " `source`: on the source server; `console`: on another service's console; `support`), and"
        " whether a repair copies everything again. A code that is not here is one that nobody"
        " documents.\n",
    ]
    rows = []
    for code in all_codes():
        known = explain(code)
        again = "not known" if (full := known.full_copy_again) is None else "yes" if full else "no"
        rows.append(
            [
                known.code,
                known.cause,
                known.first_step,
                str(known.actor),
                again,
                _from(known.origin),
            ]
        )
    head = ["code", "cause", "first step", "who", "full copy again", "from"]
    return "\n".join(lines) + "\n" + _table(head, rows)


def _from(origin: Sequence[object]) -> str:
    return ", ".join(str(one) for one in origin)


async def _tools() -> str:
    tools = offered_tools()
    lines = [
        f"{_NOTE}# Tools\n",
        f"{_sizes(False)}",
        "Kinds: a `read` and a `write` pass; `destructive`, `secret` and `agent` wait for a person"
        " (see [security.md](security.md)). Replies are the sandbox's, shortened; ids that change"
        " from run to run are left out.\n",
    ]
    with tempfile.TemporaryDirectory() as folder:
        sandbox = open_sandbox("mixed", clock=ManualClock(), speed=1)
        async with (
            open_runtime(
                Settings.for_sandbox(state_dir=Path(folder) / "state"),
                Policy(),
                transport=sandbox.transport(),
                clock=lambda: _NOW,
                service_clock=lambda: datetime.fromtimestamp(sandbox.clock(), UTC),
                page=False,
            ) as runtime,
            Client(build_server(runtime)) as client,
        ):
            # Whoever waits is told of the seconds that were asked for, however busy the machine.
            vars(runtime.parts)["desk"] = replace(runtime.desk, sleep=_at_once)
            names = await _names(client)
            area = ""
            for tool in tools:
                if tool.area != area:
                    area = tool.area
                    lines.append(f"## {area.replace('_', ' ')}\n")
                lines.append(await _tool(client, tool, names))
    # The folder is another one in every run.
    return "\n".join(lines).replace(f"{Path(folder) / 'state'}", "STATE-FOLDER")


async def _at_once(_: float) -> None:
    await anyio.lowlevel.checkpoint()


async def _names(client: Client) -> Mapping[str, Any]:
    """What an argument of some name may hold: things that are on the sandbox."""

    async def ask(tool: str, key: str) -> list[Json]:
        result = await client.call_tool(tool, {"limit": 50})
        found: list[Json] = (result.structured_content or {})[key]
        return found

    tasks = await ask("list_migration_tasks", "tasks")
    task = next((one for one in tasks if one.get("state") == "RUNNING"), tasks[0])
    source = task["source_server"]
    projects = await ask("list_migration_projects", "migprojects")
    templates = await ask("list_templates", "templates")
    return {
        "task_id": task["id"],
        "source_id": source["id"],
        "server_id": source["id"],
        "server": source["name"],
        "mig_project_id": projects[0]["id"],
        "template_id": templates[0]["id"] if templates else "a-template",
        "code": "SMS.3802",
        "version": "v3",
        "plan_id": "PLAN-ID",
        "operation": "stop",
        "ids": [task["id"]],
        "since": "2026-11-24T00:00:00Z",
        "timeout_seconds": 1,
    }


async def _tool(client: Client, tool: Offered, names: Mapping[str, Any]) -> str:
    schema = tool.parameters
    required = schema.get("required", [])
    if tool.name == "wait_for_progress":
        required = ["timeout_seconds"]
    arguments = {name: _example(name, schema["properties"][name], names) for name in required}
    if tool.name == "delete_source_servers":
        arguments["ids"] = [names["source_id"]]
    if tool.name == "delete_templates":
        arguments["ids"] = [names["template_id"]]
    result = await client.call_tool(tool.name, arguments)
    reply = result.structured_content
    lines = [f"### {tool.name}\n", f"*{tool.title}.* {tool.description}\n"]
    facts = [f"kind `{tool.kind}`" + (", by its arguments" if tool.by_value else "")]
    facts += [f"request `{tool.request}`"] if tool.request else []
    lines.append(f"{'; '.join(facts)}.\n")
    rows = [
        [f"`{name}`", _type(of), "yes" if name in schema.get("required", []) else "", _words(of)]
        for name, of in schema.get("properties", {}).items()
    ]
    lines += [_table(["argument", "type", "required", "meaning"], rows)] if rows else []
    if reply is not None and not result.is_error:
        call = json.dumps(arguments, ensure_ascii=False)
        lines.append(f"```sh\nsms-tools call --sandbox {tool.name} '{call}'\n```\n")
        shown = json.dumps(_short(reply), indent=1, ensure_ascii=False)
        lines.append(f"```json\n{shown}\n```\n")
    return "\n".join(lines)


def _type(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {schema.get('items', {}).get('type', 'values')}"
    return str(schema.get("type", "value"))


def _words(schema: Json) -> str:
    words = " ".join(str(schema.get("description", "")).split())
    default = f" Default: `{json.dumps(schema['default'])}`." if "default" in schema else ""
    return words + default


def _example(name: str, schema: Json, names: Mapping[str, Any]) -> Any:
    """Something that fits: a thing of the sandbox by that name, else the schema's first choice."""
    if name in names and ("enum" not in schema or names[name] in schema["enum"]):
        return names[name]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "array":
            return [_example("", schema.get("items", {}), names)]
        case "object":
            wanted = schema.get("required", [])
            return {each: _example(each, schema["properties"][each], names) for each in wanted}
    return "example"


def _short(value: Any, depth: int = 0) -> Any:
    """*value* with one of each list, short texts, and nothing that changes from run to run."""
    if isinstance(value, dict):
        if depth > 3:
            return "…"
        return {
            key: "…" if _PASSING.match(key) else _short(one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, list):
        more = [f"… {len(value) - 1} more"] if len(value) > 1 else []
        return [_short(one, depth + 1) for one in value[:1]] + more
    if isinstance(value, str):
        value = _PASSING_ID.sub("…", value)
        return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"
    return value


if __name__ == "__main__":
    sys.exit(main())
