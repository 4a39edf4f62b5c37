"""The login with a real provider in a real browser: a held call, and somebody else's yes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bench.browser import browser
from tests import modern
from tests.cli.conftest import environment_of

from .test_replicas import free_port, running

_PACKAGES: Final = ("oidc-provider", "playwright-core")


def modules() -> Path | None:
    """The folder of a ``.bin`` on the path that holds the npm packages."""
    entries = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    folders = [entry.parent for entry in entries if entry.name == ".bin"]
    return next((f for f in folders if all((f / name).is_dir() for name in _PACKAGES)), None)


@dataclass
class Scene:
    """A provider with a browser, and a server whose callers it knows."""

    issuer: str
    public: str
    node: "subprocess.Popen[str]"

    def answer(self) -> dict[str, Any]:
        """The next answer of the script."""
        assert self.node.stdout
        for line in self.node.stdout:
            if line.startswith("> "):
                found: dict[str, Any] = json.loads(line[2:])
                assert "error" not in found, found
                return found
        raise AssertionError("the provider ended")

    def approve(self, **given: Any) -> dict[str, Any]:
        """What the browser saw."""
        assert self.node.stdin
        self.node.stdin.write(json.dumps(given) + "\n")
        self.node.stdin.flush()
        return self.answer()

    def token(self) -> str:
        """An access token for this server, from the provider."""
        reply = httpx.post(
            f"{self.issuer}/token",
            data={
                "grant_type": "client_credentials",
                "resource": "urn:sms-tools",
                "scope": "sms",
            },
            auth=("olga", "example-client-secret"),
            trust_env=False,
        )
        assert reply.status_code == 200, reply.text
        return str(reply.json()["access_token"])

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A call with such a token."""
        reply = httpx.post(
            f"{self.public}/mcp",
            **modern.call(tool, self.token(), **arguments),
            trust_env=False,
            timeout=60,
        )
        return modern.result_in(reply)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    packages, chromium, node = modules(), browser(), shutil.which("node")
    if packages is None or chromium is None or node is None:
        pytest.skip("no login in a browser here: oidc-provider, playwright-core, Chromium or Node")
    port, serving = free_port(), free_port()
    public = f"http://127.0.0.1:{serving}"
    script = Path(__file__).with_name("provider.mjs")
    redirect = f"{public}/sms-tools/callback"
    command = [node, str(script), str(packages), str(port), redirect, chromium]
    environment = environment_of(tmp_path / "state")
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 (our own script)
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        )
        stack.callback(process.kill)
        found = Scene(f"http://127.0.0.1:{port}", public, process)
        assert found.answer() == {"ready": True}
        stack.enter_context(
            running(
                sys.executable, "-m", "sms_tools", "serve", "--sandbox", "--http",
                "--port", str(serving), "--public-url", public, "--auth", f"oidc:{found.issuer}",
                "--audience", "sms-tools", "--client-id", "sms-tools-page",
                wait_for="callers say", **environment,
            )
        )  # fmt: skip
        yield found


def test_somebody_else_says_yes_after_logging_in_and_only_an_approver_s_yes_counts(
    scene: Scene,
) -> None:
    servers = scene.call("list_source_servers", name="web-01")["source_servers"]
    task = next(s["current_task"]["id"] for s in servers if s["name"] == "web-01")
    held = scene.call("delete_migration_task", task_id=task)
    assert held["status"] == "approval_required", held
    url = held["approval_url"]
    assert url.startswith(scene.public)
    otto = scene.approve(who="otto", url=url, typed="web-01")
    assert otto["logins"] == 1
    assert "does not have the role approver" in otto["after"]
    assert scene.call("delete_migration_task", task_id=task)["status"] == "approval_required"
    anna = scene.approve(who="anna", url=url, typed="web-01")
    assert anna["logins"] == 1
    assert "You are logged in as anna" in anna["before"]
    assert "May now" in anna["after"] or "may now make this call" in anna["after"]
    assert not anna["errors"]
    assert scene.call("delete_migration_task", task_id=task)["status"] == "done"
    again = scene.approve(who="anna", url=url, typed="web-01")
    assert again["logins"] == 0, "the login lasts"
    assert "cannot be reused" in again["after"]
