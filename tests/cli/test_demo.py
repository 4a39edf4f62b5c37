"""The demo, as a newcomer runs it: without a terminal, and at one where the person says no."""

import os
import pty
import select
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

from .conftest import Run, environment_of

FAST = ("demo", "--speed", "1200")
"""The sandbox's network team needs half an hour: with this speed, a second or two."""


def test_without_a_terminal_the_demo_answers_for_the_person_says_so_and_sees_the_fix(
    run: Run,
) -> None:
    shown = run(*FAST)
    assert shown.returncode == 0, shown.stderr
    text = " ".join(shown.stdout.split())
    assert "→ migration_overview {}" in text
    assert "→ summarize_failed_servers {}" in text
    assert "confirm: unknown argument" in text
    assert "the demo answers this confirmation itself" in text
    assert "done and seen" in text
    assert "failed: " not in text.rpartition("Do they run again?")[2]
    hidden = {c for c in shown.stdout if unicodedata.category(c) == "Cc"} - {"\n"}
    assert not hidden


def test_a_person_at_the_terminal_who_says_no_sees_that_nothing_was_done(tmp_path: Path) -> None:
    text, status = _at_a_terminal(environment_of(tmp_path / "state", NO_COLOR="1"))
    assert status == 0, text[-2000:]
    words = " ".join(text.split())
    assert "To agree, type: apply" in words
    assert "said no. Nothing has been done" in words
    assert "done and seen" not in words


def _at_a_terminal(environment: dict[str, str]) -> tuple[str, int]:
    """Run the demo at a pseudo-terminal on which somebody presses Enter all the time."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *FAST],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    seen = bytearray()
    end = time.monotonic() + 100
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 1.0)
            if not ready:
                os.write(ours, b"\n")  # on: read enough, or no
                continue
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other side is gone: the demo has ended
                break
            if not part:
                break
            seen += part
        return seen.decode(errors="replace"), process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
