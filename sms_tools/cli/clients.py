"""What each client wants to read: its file, its shape, its limits, as its maker documents them.

A key is never part of a configuration. A client that asks its user (VS Code's ``inputs``) is told
to; for every other the server reads the official SDK's credentials file.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

SERVER: Final = "sms-tools"
"""The name under which a client lists the server."""

HTTP_TOKEN: Final = "SMS_TOOLS_HTTP_TOKEN"  # noqa: S105 (the variable's name)
_AK, _SK = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"
_PATIENCE_SECONDS: Final = 180
"""How long a client may wait for a call where it can be told: a person may be reading a dialog."""

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the server is to be started with, or where it listens."""

    command: str
    args: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    sandbox: bool = False
    url: str | None = None
    """Set where the client connects to a server that runs already."""


@dataclass(frozen=True, kw_only=True)
class ClientKind:
    """One client. ``shape`` gives the whole configuration with nothing but this server in it."""

    name: str
    title: str
    file: Callable[[], Path]
    shape: Callable[[Wish], Json]
    key: str = "mcpServers"
    form: str = "json"
    asks_for_keys: bool = False
    after: str = ""
    limits: str = ""
    source: str = ""


def _program(wish: Wish) -> Json:
    return {"command": wish.command, "args": [*wish.args], "env": dict(wish.env)}


def _servers(entry: Json) -> Json:
    return {"mcpServers": {SERVER: entry}}


def _bearer(reference: str) -> Json:
    return {"Authorization": f"Bearer {reference}"}


def _claude_desktop(wish: Wish) -> Json:
    if wish.url:
        # Its file starts programs only; remote servers are its account's "connectors".
        raise NotImplementedError
    return _servers(_program(wish))


def _claude_code(wish: Wish) -> Json:
    if wish.url:
        headers = _bearer(f"${{{HTTP_TOKEN}}}")
        return _servers({"type": "http", "url": wish.url, "headers": headers})
    return _servers({"type": "stdio", **_program(wish)})


def _cursor(wish: Wish) -> Json:
    if wish.url:
        return _servers({"url": wish.url, "headers": _bearer(f"${{env:{HTTP_TOKEN}}}")})
    return _servers({"type": "stdio", **_program(wish)})


def _windsurf(wish: Wish) -> Json:
    if wish.url:
        return _servers({"serverUrl": wish.url, "headers": _bearer(f"${{env:{HTTP_TOKEN}}}")})
    return _servers(_program(wish))


def _gemini(wish: Wish) -> Json:
    if wish.url:
        return _servers({"httpUrl": wish.url, "headers": _bearer(f"${HTTP_TOKEN}")})
    return _servers(_program(wish))


def _cline(wish: Wish) -> Json:
    more: Json = {"disabled": False, "autoApprove": [], "timeout": _PATIENCE_SECONDS}
    if wish.url:
        return _servers({"type": "streamableHttp", "url": wish.url, **more})
    return _servers({**_program(wish), **more})


def _vscode(wish: Wish) -> Json:
    if wish.url:
        inputs = [_ask("sms-tools-http-token", "sms-tools: the server's token")]
        headers = _bearer("${input:sms-tools-http-token}")
        entry: Json = {"type": "http", "url": wish.url, "headers": headers}
    elif wish.sandbox:
        inputs, entry = [], {"type": "stdio", **_program(wish)}
    else:
        inputs = [
            _ask("huaweicloud-ak", "Huawei Cloud access key (AK)"),
            _ask("huaweicloud-sk", "Huawei Cloud secret access key (SK)"),
        ]
        entry = {"type": "stdio", **_program(wish)}
        entry["env"] |= {_AK: "${input:huaweicloud-ak}", _SK: "${input:huaweicloud-sk}"}
    return {"servers": {SERVER: entry}, "inputs": inputs}


def _ask(name: str, description: str) -> Json:
    return {"type": "promptString", "id": name, "description": description, "password": True}


def _codex(wish: Wish) -> Json:
    entry: Json = {"url": wish.url, "bearer_token_env_var": HTTP_TOKEN}
    if not wish.url:
        entry = {**_program(wish), "startup_timeout_sec": 30}
    return {"mcp_servers": {SERVER: {**entry, "tool_timeout_sec": _PATIENCE_SECONDS}}}


def _config_of(application: str) -> Path:
    return user_config_path(application, appauthor=False, roaming=True)


CLIENTS: Final[Mapping[str, ClientKind]] = {
    kind.name: kind
    for kind in (
        ClientKind(
            name="claude-desktop",
            title="Claude Desktop",
            file=lambda: _config_of("Claude") / "claude_desktop_config.json",
            shape=_claude_desktop,
            after="Quit Claude Desktop and start it again: it reads the file at its start.",
            limits="starts programs only (no HTTP in the file); about 60 s a call, as users have"
            " measured (anthropics/claude-code#22542 and #63379, four minutes in #65643): its maker"
            " names no number",
            source="modelcontextprotocol.io, Connect to local MCP servers",
        ),
        ClientKind(
            name="claude-code",
            title="Claude Code",
            file=lambda: Path.cwd() / ".mcp.json",
            shape=_claude_code,
            after="Start `claude` in this folder and accept the server;"
            " `claude mcp list` shows it.",
            limits="a project's file counts once the user has accepted it in that folder",
            source="code.claude.com/docs, Connect Claude Code to tools via MCP",
        ),
        ClientKind(
            name="vscode",
            title="VS Code",
            file=lambda: Path.cwd() / ".vscode" / "mcp.json",
            shape=_vscode,
            key="servers",
            asks_for_keys=True,
            after="Open this folder in VS Code and start the server from the file, or by"
            " `MCP: List Servers`.",
            limits="`servers`, not `mcpServers`; at most 128 tools in one request, as its own"
            " message says and others' documents repeat",
            source="code.visualstudio.com/docs, MCP configuration reference",
        ),
        ClientKind(
            name="cursor",
            title="Cursor",
            file=lambda: Path.home() / ".cursor" / "mcp.json",
            shape=_cursor,
            after="Switch the server on under Settings, MCP.",
            limits="about 40 tools over all servers, as users and third parties report (its maker"
            " names no number): take --guided",
            source="cursor.com/docs, Model Context Protocol",
        ),
        ClientKind(
            name="gemini",
            title="Gemini CLI",
            file=lambda: Path.home() / ".gemini" / "settings.json",
            shape=_gemini,
            after="`gemini mcp list` shows it, in a folder that Gemini CLI trusts.",
            limits="connects in trusted folders only; 600 s a call",
            source="geminicli.com/docs, MCP servers with Gemini CLI",
        ),
        ClientKind(
            name="codex",
            title="Codex",
            file=lambda: (
                Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "config.toml"
            ),
            shape=_codex,
            key="mcp_servers",
            form="toml",
            after="`codex mcp list` shows it.",
            limits="10 s to start and 60 s a call unless the file says more, as this one does",
            source="developers.openai.com/codex, Model Context Protocol",
        ),
        ClientKind(
            name="windsurf",
            title="Windsurf",
            file=lambda: Path.home() / ".codeium" / "windsurf" / "mcp_config.json",
            shape=_windsurf,
            after="Refresh the list of MCP servers in Cascade.",
            limits="`serverUrl` where others say `url`; at most 100 tools over all servers",
            source="docs.windsurf.com, Cascade MCP integration",
        ),
        ClientKind(
            name="cline",
            title="Cline",
            file=lambda: (
                _config_of("Code")
                / "User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
            ),
            shape=_cline,
            after="Open Cline's MCP Servers, Configure: the server is listed.",
            limits="60 s a call unless `timeout` says more, as this file does;"
            " cannot refer to a variable in a header",
            source="docs.cline.bot, Configuring MCP servers",
        ),
    )
}


def text_of(kind: ClientKind, configuration: Json) -> str:
    """The configuration as the client's file spells it."""
    if kind.form == "toml":
        return _toml(configuration)
    return json.dumps(configuration, indent=2, ensure_ascii=False) + "\n"


def _toml(configuration: Json) -> str:
    """One table for the server, one for its environment: all that Codex wants."""
    ((table, servers),) = configuration.items()
    ((name, entry),) = servers.items()
    lines = [f"[{table}.{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in entry.items() if key != "env"]
    if entry.get("env"):
        lines += ["", f"[{table}.{name}.env]"]
        lines += [f"{key} = {_value(value)}" for key, value in entry["env"].items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    # Strings, whole numbers and lists of strings are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
