"""What docs/security.md says is what a test shows, and each test that it names is there."""

import re
from pathlib import Path

import pytest

from bench.documents import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in TEXT.split("| threat | what holds | the test | what remains |")[1].splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
WHOLE = 3
"""Columns that every row fills; what remains can be nothing."""


def test_the_table_has_a_row_for_each_kind_of_threat() -> None:
    assert len(ROWS) > 40
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_threat_names_what_holds_and_tests_that_are_there(row: list[str]) -> None:
    assert all(row[:WHOLE])
    named = NAMED.findall(row[2])
    assert len(named) == row[2].count("`") // 2
    for file, test in named:
        path = ROOT / "tests" / file
        assert path.is_file(), file
        found = re.search(rf"^(?:async )?def {test}\(", path.read_text("utf-8"), re.MULTILINE)
        assert found, f"{file} has no {test}"


def test_every_file_of_attacks_is_named() -> None:
    named = {file for row in ROWS for file, _ in NAMED.findall(row[2])}
    files = {f"attack/{path.name}" for path in (ROOT / "tests" / "attack").glob("test_*.py")}
    assert files
    assert files <= named


def test_ci_installs_by_hash_checks_the_lock_and_runs_on_it() -> None:
    said = (ROOT / ".ci" / "run").read_text("utf-8")
    installed = said.index("--require-hashes -r requirements.lock")
    assert said.index("diff requirements.lock") < installed < said.index("tests/smoke.py")
    assert "cyclonedx-py environment" in said
    assert "--hash=sha256:" in Path(ROOT / "requirements.lock").read_text("utf-8")
    ranges = (ROOT / "pyproject.toml").read_text("utf-8")
    for name in ("starlette", "uvicorn"):
        assert re.search(rf'"{name}>=[\d.]+,<\d+', ranges), name
