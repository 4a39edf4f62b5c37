"""A host of MCP Apps with a browser, for tests and benches: :file:`host.mjs`, driven from here.

It needs Chromium, Node 20 and the npm packages of :data:`PACKAGES`, which `.ci/run` installs. Where
one is missing, :func:`missing` says which: whoever asks skips, and says so.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("@modelcontextprotocol/ext-apps", "playwright-core", "axe-core")
_HOST: Final = Path(__file__).with_name("host.mjs")
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
TOOLS: Final = (
    "migration_overview",
    "summarize_progress",
    "summarize_failed_servers",
    "check_cutover_readiness",
)
"""The tools that have a board."""


def missing() -> str | None:
    """What is not installed here, in words; None where all is there."""
    if shutil.which("node") is None:
        return "Node is not installed here"
    if browser() is None:
        return "Chromium is not installed here"
    if modules() is None:
        return f"npm packages are not installed here: {', '.join(PACKAGES)}"
    return None


def browser() -> str | None:
    """Where Chromium is."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


def modules() -> Path | None:
    """The folder that holds the npm packages: that of a ``.bin`` on the path."""
    entries = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    folders = [entry.parent for entry in entries if entry.name == ".bin"]
    folders.append(Path(__file__).parents[1] / "node_modules")
    return next((f for f in folders if all((f / name).is_dir() for name in PACKAGES)), None)


class Host:
    """One host: a browser, and a server behind it."""

    def __init__(self, process: "subprocess.Popen[str]", packages: Path) -> None:
        """Speak to *process*, which runs host.mjs."""
        self._process = process
        self.about: dict[str, Any] = {}
        """What the server said of its tools and its page when it was started."""
        self._axe = (packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def do(self, what: str, /, **given: Any) -> Any:
        """What the command *what* answers.

        Raises:
            RuntimeError: it failed, or took more than two minutes.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the host is gone"}
        if "error" in answer:
            raise RuntimeError(f"{what}: {answer['error']}")
        return answer["ok"]

    def serve(self, state: Path, *options: str) -> dict[str, Any]:
        """Start our server on the sandbox, and read its list and its page."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SMS_TOOLS_")}
        answer: dict[str, Any] = self.do(
            "start",
            command=sys.executable,
            args=["-m", "sms_tools", "serve", "--sandbox", *options],
            env={**kept, "SMS_TOOLS_STATE_DIR": str(state)},
        )
        return answer

    def open(self, tool: str, **given: Any) -> dict[str, float]:
        """Show the board of *tool*'s answer.

        Milliseconds from the beginning of the page's navigation: until the data had ``arrived``,
        and until the rows that were ``drawn`` from it were on the screen.
        """
        times: dict[str, float] = self.do("open", tool=tool, executable=browser(), **given)["times"]
        return times

    def read(self, script: str) -> Any:
        """What *script* gives in the page."""
        return self.do("eval", script=script)

    def axe(self) -> list[dict[str, Any]]:
        """What axe-core finds wrong with the page as it is now."""
        found: list[dict[str, Any]] = self.do("axe", source=self._axe)
        return found

    def print(self, html: str, **given: Any) -> dict[str, Any]:
        """Show a document without scripts: as a PDF (`pdf`) or a picture (`picture`)."""
        answer: dict[str, Any] = self.do("print", html=html, executable=browser(), **given)
        return answer


@contextmanager
def open_host() -> Iterator[Host]:
    """A host, until the end of the block.

    Raises:
        RuntimeError: something is not installed.
    """
    packages = modules()
    if packages is None or (gap := missing()):
        raise RuntimeError(gap if packages else missing())
    with tempfile.TemporaryDirectory(prefix="sms-tools-host-") as folder:
        # Packages are looked for beside the script.
        script = Path(folder, "host.mjs")
        shutil.copyfile(_HOST, script)
        Path(folder, "node_modules").symlink_to(packages)
        node = shutil.which("node") or "node"
        process = subprocess.Popen(
            [node, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield Host(process, packages)
        finally:
            assert process.stdin
            assert process.stdout
            process.stdin.close()
            process.stdout.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
