"""Who may import whom: the design's rule, read from the source without running it."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[1] / "sms_tools"

_WORDS: Final = {"canonical", "loopback", "moment", "text", "wording"}
_LEAVES: Final = {*_WORDS, "account", "errors", "operation", "prompting", "regions"}
_CATALOGUE: Final = {*_LEAVES, "operations", "schema", "signing"}
_WIRE: Final = {
    "api", "auth", "paging", "pressure", "printed", "profile", "settings", "shape", "wire"
}  # fmt: skip
_CLIENT: Final = {*_CATALOGUE, *_WIRE, "knowledge", "redaction"}
_READING: Final = {*_CLIENT, "fleet", "state"}
_OVER: Final = {
    *("arguments", "board", "diagnosis", "drawing", "guard", "listening", "remediation"),
    *("server", "watching"),
}
_SERVING: Final = {*_READING, *_OVER}

MAY_IMPORT: Final[Mapping[str, set[str]]] = {
    "account": {"canonical"},
    "arguments": {"operation", "schema"},
    "canonical": set(),
    "loopback": set(),
    "listening": set(),
    "wording": {"moment", "text"},
    "errors": {"text"},
    "moment": set(),
    "operation": {"errors", "text"},
    "prompting": {"errors"},
    "regions": set(),
    "tomlfile": {"errors"},
    "text": set(),
    "signing": set(),
    "schema": set(),
    "knowledge": {"text"},
    "redaction": {"operation", "text"},
    "profile": {"errors", "signing"},
    "settings": {"account", "errors", "loopback", "profile", "regions", "signing"},
    "operations": {"operation", "schema", "text"},
    "paging": {"errors", "operation"},
    "shape": {"operation"},
    "pressure": {"errors", "moment"},
    "wire": {"errors", "loopback", "text"},
    "account_file": {"errors", "settings", "tomlfile"},
    "printed": {"errors", "moment", "profile", "settings", "signing"},
    "auth": {"errors", "operation", "printed", "settings", "signing", "moment", "wire"},
    "api": _CLIENT,
    "locking": set(),
    "state": {"errors", "locking"},
    "stores": {"postgres", "state"},
    "postgres": {"state"},
    "fleet": _READING,
    "diagnosis": _READING,
    "drawing": {"knowledge", "text", "wording"},
    "board": {*_READING, "diagnosis", "drawing"},
    "remediation": {*_READING, "diagnosis", "drawing", "guard"},
    "guard": {*_READING, "listening", "tomlfile"},
    "sandbox": {"errors", "loopback", "operation", "operations", "signing", "text"},
    "login": {*_READING, "guard", "server", "tomlfile"},
    "server": {*_SERVING, "account_file", "postgres", "stores"},
    "watching": {*_READING, "diagnosis"},
    "cli": {*_SERVING, "account_file", "cli", "login", "postgres", "sandbox", "stores"},
    "__main__": {"cli"},
}
"""By the part of the package: the parts that it may import, besides itself."""

ONLY_IN: Final[Mapping[str, set[str]]] = {
    "mcp": {"server", "cli", "login"},
    "mcp_types": {"server", "cli"},
    "jwt": {"login"},
    "psycopg": {"postgres"},
    "psycopg_pool": {"postgres"},
    "httpx": {"login", "api", "auth", "sandbox", "watching", "wire"},
    "sse_starlette": {"server"},
    "prometheus_client": {"server"},
    "opentelemetry": {"server"},
    "starlette": {"guard", "login", "listening", "server", "cli"},
    "uvicorn": {"guard", "listening", "sandbox"},
    "huaweicloudsdksms": set(),
    "huaweicloudsdkcore": set(),
}
"""Where alone a library may be imported when the program runs."""

_FOR_A_TEAM: Final = (
    *("prometheus_client", "opentelemetry.sdk", "opentelemetry.exporter", "psycopg", "jwt"),
    *("sms_tools.login", "sms_tools.server.http", "sms_tools.server.front"),
    *("sms_tools.server.metrics", "sms_tools.server.logs", "sms_tools.server.health"),
)
"""What a server on stdio loads nothing of."""

CIRCLES: Final[set[str]] = set()
"""Modules that lead back to themselves. None, and none may come."""

_FILES: Final = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path, *, at_run_time: bool = False) -> Iterator[str]:
    """The modules that *path* imports anywhere, or all but those for the type checker."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set(_for_types_only(tree)) if at_run_time else set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relatively"
            module = node.module or ""
            names = [alias.name for alias in node.names]
            yield from (f"sms_tools.{n}" for n in names) if module == "sms_tools" else (module,)


def _for_types_only(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from ast.walk(child)


def test_the_rule_names_every_part() -> None:
    parts = {part_of(path) for path in _FILES} - {"__init__"}
    assert parts == set(MAY_IMPORT)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        assert not list(imported(path))
        return
    own = {name.split(".")[1] for name in imported(path) if name.startswith("sms_tools.")}
    assert own - {"__version__"} <= {part, *MAY_IMPORT[part]}


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_where_it_belongs(path: Path) -> None:
    for name in imported(path, at_run_time=True):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or part_of(path) in allowed, name


def test_only_the_command_line_prints() -> None:
    printing = {
        part_of(path)
        for path in _FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert printing <= {"cli"}


def test_what_only_a_teams_server_needs_is_not_loaded_on_a_laptop() -> None:
    code = (
        "import sys, sms_tools.cli.serve, sms_tools.cli.opening, sms_tools.server;"
        f"print([m for m in sys.modules if m.startswith({_FOR_A_TEAM!r})])"
    )
    said = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert said.stdout.strip() == "[]"


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run_time_graph() -> dict[str, set[str]]:
    """Which module imports which when the program runs, at the top or in a function."""
    modules = {module_of(path): path for path in _FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        graph[module] = set()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skipped = set(_for_types_only(tree))
        for node in ast.walk(tree):
            if node in skipped or not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            # A name of a package may be a module of it: then that one is meant.
            found = {each if each in modules else node.module for each in named}
            graph[module] |= {each for each in found if each in modules and each != module}
    return graph


def test_no_module_leads_back_to_itself() -> None:
    graph = run_time_graph()
    circles = []
    for module in graph:
        seen: set[str] = set()
        waiting = list(graph[module])
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += graph[each]
        if module in seen:
            circles.append(module)
    assert set(circles) == CIRCLES
