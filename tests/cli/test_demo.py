"""The demo, as a newcomer runs it: without a terminal, and at one with a person who answers."""

import os
import pty
import select
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from .conftest import Run, environment_of

FAST = ("demo", "--speed", "1200")
"""The sandbox's network team needs half an hour: with this speed, a second or two."""
_PROMPT = b"Ctrl-D closes"


def test_without_a_terminal_the_demo_answers_for_the_person_says_so_and_sees_the_fix(
    run: Run,
) -> None:
    shown = run(*FAST)
    assert shown.returncode == 0, shown.stderr
    text = " ".join(shown.stdout.split())
    assert "→ assess_sources {}" in text
    assert "1 row planned and 1 rejected" in text
    assert "→ schedule_wave" in text
    assert "sms://reports/R" in text
    assert "Point of no return" in text
    assert "→ migration_overview {}" in text
    assert "→ summarize_failed_servers {}" in text
    assert "confirm: unknown argument" in text
    assert "the demo answers this confirmation itself" in text
    assert "done and seen" in text
    assert "failed: " not in text.rpartition("Do they run again?")[2]
    hidden = {c for c in shown.stdout if unicodedata.category(c) == "Cc"} - {"\n"}
    assert not hidden


def test_a_person_at_the_terminal_who_types_the_text_sees_the_fix(tmp_path: Path) -> None:
    text, status = _at_a_terminal(environment_of(tmp_path / "state"), b"apply 4\n")
    assert status == 0, text[-2000:]
    assert "\x1b[" in text, "a terminal that has not said otherwise gets colour"
    assert "the demo answers this confirmation itself" not in text
    assert "done and seen" in text
    assert "failed" not in text.rpartition("Do they run again?")[2]


@pytest.mark.parametrize(
    ("typed", "said"),
    [(b"no\n", "A person said no"), (b"\x04", "The dialog was closed")],
    ids=["no", "end of input"],
)
def test_without_consent_at_the_terminal_nothing_is_done_and_the_demo_ends_well(
    tmp_path: Path, typed: bytes, said: str
) -> None:
    text, status = _at_a_terminal(environment_of(tmp_path / "state", NO_COLOR="1"), typed)
    assert status == 0, text[-2000:]
    words = " ".join(text.split())
    assert "To agree, type: apply" in words
    assert said in words
    assert "Nothing has been done." in words
    assert "done and seen" not in words
    assert "\x1b[" not in text


def test_a_server_that_does_not_start_is_told_of_in_its_own_words(run: Run) -> None:
    shown = run("demo", "--speed", "0")
    assert shown.returncode == 1
    assert "the server does not answer" in shown.stderr
    assert "0 is not a positive number" in shown.stderr
    assert "Traceback" not in shown.stderr


def _at_a_terminal(environment: dict[str, str], answer: bytes) -> tuple[str, int]:
    """Run the demo at a pseudo-terminal; *answer* is typed at its dialog, Enter before and after.

    Enter goes on to the next scene, so it is pressed whenever nothing is written for a second.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *FAST],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "xterm", **environment},
    )
    os.close(theirs)
    seen = bytearray()
    answered = False
    end = time.monotonic() + 100
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 1.0)
            if not ready:
                asked = _PROMPT in seen and not answered
                os.write(ours, answer if asked else b"\n")
                answered = answered or asked
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
