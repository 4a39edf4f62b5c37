"""How fast the board is with a large fleet, measured in the browser.

Usage: ``python -m bench.board [--servers 4000] [--rounds 5] [--paint 1000] [--filter 100]``

The data is what a client with Apps gets of a fleet of that size, watched for half an hour. First
paint is the page's own, plus the time from the data's arrival until the rows drawn from it are on
the screen; what lies between is the host's, and the host here relays each message through another
process, so that is printed beside it. A filter is from a key until the rows that match are on the
screen. The exit status is 1 if a median is above its bound, 2 where something is not installed.
All in milliseconds.
"""

import argparse
import json
import statistics
import sys
from typing import Any, Final

import anyio

from bench.browser import missing, open_host
from bench.scenes import answer_of, open_scene
from sms_tools.board.page import page
from sms_tools.server.apps import DATA

_TOOL: Final = "migration_overview"
_FILTER: Final = """(async (words) => {
  const field = document.getElementById("search");
  const begin = performance.now();
  field.value = words;
  field.dispatchEvent(new Event("input"));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return [performance.now() - begin, document.querySelectorAll("#rows [role=row]").length];
})"""
_FIRST: Final = "performance.getEntriesByName('first-paint')[0]?.startTime ?? 0"
_SCROLL: Final = """(async () => {
  const list = document.getElementById("list");
  const gaps = [];
  for (let step = 0; step < 40; step += 1) {
    const begin = performance.now();
    list.scrollTop += list.scrollHeight / 40;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    gaps.push(performance.now() - begin);
  }
  return gaps;
})()"""


async def _result(servers: int) -> dict[str, Any]:
    async with open_scene("large", servers=servers, hours=0.5) as desk:
        return await answer_of(desk, _TOOL, {})


def main() -> int:
    """Measure, print, compare."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--servers", type=int, default=4_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--paint", type=float, default=1_000, help="bound of the first paint")
    options.add_argument("--filter", type=float, default=100, help="bound of a filter")
    given = options.parse_args()
    if gap := missing():
        print(f"not measured: {gap}")
        return 2
    result = anyio.run(_result, given.servers)
    data = result["_meta"][DATA]
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
    print(f"{len(data['rows'])} of {data['count']} rows in {size / 1000:.0f} kB of data")
    print(f"the page: {len(page().encode()) / 1000:.1f} kB")
    paints: list[float] = []
    whole: list[float] = []
    filters: list[float] = []
    scrolls: list[float] = []
    with open_host() as host:
        for _ in range(given.rounds):
            times = host.open(_TOOL, result=result, html=page(), width=1200, height=900)
            paints.append(host.read(_FIRST) + times["drawn"] - times["arrived"])
            whole.append(times["drawn"])
            for words in ("server", "1", "12", "replicate", "no such", ""):
                took, _rows = host.read(f"{_FILTER}({json.dumps(words)})")
                filters.append(took)
            scrolls += host.read(_SCROLL)
            host.do("close")
    paint, filtered = statistics.median(paints), statistics.median(filters)
    print(f"first paint: {paint:.0f} (worst {max(paints):.0f}), bound {given.paint:.0f}")
    print(f"the same with this host's relaying: {statistics.median(whole):.0f}")
    print(f"a filter: {filtered:.0f} (worst {max(filters):.0f}), bound {given.filter:.0f}")
    print(f"a step of scrolling, with two frames: {statistics.median(scrolls):.0f}")
    return int(paint > given.paint or filtered > given.filter)


if __name__ == "__main__":
    sys.exit(main())
