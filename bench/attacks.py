"""Attacks the guard, and prints how many attempts there were and how many got through.

Usage: ``python -m bench.attacks [--count]``

An attempt is one case of ``tests/attack/``: a hostile client, service, name, clock or neighbour
that tries one thing. One that fails got through. With ``--count`` the cases are counted and not
run. The exit status is 1 if one got through.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/attack")
_LONGEST: Final = 1_800
"""Seconds after which a run that does not end is given up."""


def counted() -> int:
    """How many attempts there are.

    Raises:
        RuntimeError: the tests cannot be collected.
    """
    done = subprocess.run(
        [*_PYTEST, "--collect-only"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the attacks cannot be collected:\n{done.stdout}{done.stderr}")
    return sum(line.startswith("tests/attack/") for line in done.stdout.splitlines())


def main() -> int:
    """Count, or attack."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", action="store_true", help="count the attempts, make none")
    if options.parse_args().count:
        print(f"{counted():,} attempts")
        return 0
    # The line is written by tests/attack/conftest.py, which sees what became of each.
    return subprocess.run(list(_PYTEST), cwd=ROOT, timeout=_LONGEST, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
