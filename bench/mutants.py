"""How well the tests defend the code that decides: small changes of meaning, and which are caught.

Usage: ``python -m bench.mutants [--sample 60] [--seed 1] [--workers 2] [--list] [FILE …]``

Draws changes from the files of ``fleet/``, ``guard/`` and ``remediation/`` (or from those named):
a comparison turned round, a condition denied, ``and`` for ``or``, a number moved by one, a truth
value exchanged, a ``return`` of nothing. Each is written into a copy of the package, and the tests
that belong to its folder run until one fails. Prints which are caught and which survive: places to
look at, though some change nothing that anybody could see. The checkout itself is never touched.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDERS: Final = ("fleet", "guard", "remediation")
TESTS: Final = {
    "fleet": [
        *("tests/fleet", "tests/diagnosis", "tests/guard/test_previews.py"),
        *("tests/server/test_plan_launches.py", "tests/server/test_former_names.py"),
    ],
    "guard": [
        *("tests/guard", "tests/attack", "tests/server/test_matrix.py"),
        *("tests/server/test_former_names.py", "tests/team/test_roles.py"),
    ],
    "remediation": [
        *("tests/remediation", "tests/server/test_plan*.py", "tests/server/test_migration.py"),
        *("tests/server/test_launch_time.py", "tests/server/test_reports.py"),
        "tests/server/test_measuring.py",
    ],
}
"""By the folder of a change: what runs against it, as patterns of paths."""
SLOW: Final = frozenset({"test_calibration.py", "test_every_composite.py"})
"""Tests that take longer than all others of their folder; left out."""
_LIMIT: Final = 1200
"""Seconds for one change: many times what the tests of a folder take. What hangs is caught."""

_TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of meaning in one place."""

    path: Path
    place: int
    """Which node of the file, in the order of a walk."""
    line: int
    what: str

    @property
    def folder(self) -> str:
        """The part of the package that it is in."""
        return self.path.relative_to(ROOT / "sms_tools").parts[0]

    @property
    def source(self) -> str:
        """The whole file with the change in it."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        _changed(next(islice(ast.walk(tree), self.place, None)))
        return ast.unparse(tree)

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every change that the operators find in *path*."""
    for place, node in enumerate(ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if what := _changed(copy(node)):
            yield Mutant(path, place, getattr(node, "lineno", 0), what)


def _changed(node: ast.AST) -> str:
    """Change *node* in place; what was done, or nothing."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _TURNED:
            node.ops = [_TURNED[type(operator)]()]
            return f"{type(operator).__name__} turned round"
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            return "and/or exchanged"
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return "condition denied"
        case ast.Constant(value=bool() as value):
            node.value = not value
            return f"{value} exchanged"
        case ast.Constant(value=int() as value):
            node.value = value + 1
            return f"{value} moved by one"
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
            return "returns nothing"
    return ""


def fate_of(mutant: Mutant) -> str:
    """What the tests of its folder say of *mutant*."""
    return run(mutant.folder, mutant.path, mutant.source)


def run(folder: str, path: Path | None = None, source: str = "") -> str:
    """Run the tests of *folder* in a copy of the package where *path* holds *source*.

    Gives ``survives`` if all pass, ``caught`` if one fails, ``hangs`` if they do not end.
    """
    with tempfile.TemporaryDirectory() as scratch:
        house = Path(scratch)
        for part in ("sms_tools", "tests", "prompts", "bench"):
            shutil.copytree(ROOT / part, house / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", house)
        if path is not None:
            (house / path.relative_to(ROOT)).write_text(source, encoding="utf-8")
        tests = [str(each) for some in TESTS[folder] for each in sorted(house.glob(some))]
        without = [f"--ignore-glob=*/{name}" for name in sorted(SLOW)]
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *without]
        command += tests
        environ = {**os.environ, "PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ended = subprocess.run(
                command, cwd=house, env=environ, capture_output=True, timeout=_LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return "hangs"
        return "caught" if ended.returncode else "survives"


def drawn(paths: Sequence[Path], sample: int, seed: int) -> Sequence[Mutant]:
    """A sample of all changes, the same for the same seed."""
    found = [mutant for path in paths for mutant in mutants_of(path)]
    return random.Random(seed).sample(found, min(sample, len(found)))  # noqa: S311 (a sample)


def main() -> None:
    """Draw, run, and print the score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, default=60, help="how many changes (default 60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--list", action="store_true", help="only print what would be changed")
    options = parser.parse_args()
    paths = [path.resolve() for path in options.files] or [
        path for folder in FOLDERS for path in sorted((ROOT / "sms_tools" / folder).rglob("*.py"))
    ]
    chosen = drawn(paths, options.sample, options.seed)
    if options.list:
        print("\n".join(map(str, chosen)))
        return
    for folder in sorted({mutant.folder for mutant in chosen}):
        if run(folder) != "survives":
            sys.exit(f"the tests of {folder}/ fail without any change: nothing was measured")
    caught = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for mutant, fate in zip(chosen, pool.map(fate_of, chosen), strict=True):
            print(f"{fate}: {mutant}", flush=True)
            caught += fate != "survives"
    print(f"{caught} of {len(chosen)} changes caught (seed {options.seed})")


if __name__ == "__main__":
    main()
