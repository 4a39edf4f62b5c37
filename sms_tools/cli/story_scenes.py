"""The scenes of the demo before and after the troubleshooting: fit, set up, scheduled; reported.

As in the other scenes, nothing that is shown is written here; even the sheet is made of names that
the server has just given.
"""

from datetime import timedelta
from typing import Final

from sms_tools.cli.stage import Reply, Stage, field_of
from sms_tools.operation import JSON

_LINE: Final = 400
"""Mbit/s of the line in the question; the sandbox has its own."""
_WINDOW: Final = timedelta(hours=12)
_ROWS: Final = 3


async def before(stage: Stage) -> None:
    """From servers that have registered to a plan that sets them up, and when they are copied."""
    fit = await _assess(stage)
    await _set_up(stage, fit)
    await _schedule(stage, fit)


async def after(stage: Stage) -> None:
    """What the change board gets."""
    await stage.scene("What do I give to the change board?")
    reply = await stage.call("export_report", {"kind": "change_record", "format": "md"})
    stage.fact("resource", reply.data.get("uri"))
    stage.fact("rows", reply.data.get("row_count"))
    stage.size(reply)


async def _assess(stage: Stage) -> Reply:
    await stage.scene("Which servers can be migrated as they are?")
    reply = await stage.call("assess_sources")
    stage.bars(reply, "verdicts")
    stage.table(
        reply,
        "servers",
        {
            "server": field_of("name"),
            "verdict": field_of("verdict"),
            "because": lambda row: (row.get("findings") or [{}])[0].get("finding"),
            "by": lambda row: (row.get("findings") or [{}])[0].get("actor"),
        },
        rows=[row for row in reply.rows("servers") if row.get("verdict") != "go"],
        most=_ROWS,
    )
    stage.size(reply)
    return reply


def _free(fit: Reply) -> list[str]:
    """Names of servers that are fit and have no task yet."""
    rows = fit.rows("servers")
    free = [row for row in rows if row.get("verdict") == "go" and not row.get("has_task")]
    return [str(row["name"]) for row in free if row.get("name")][:_ROWS]


async def _set_up(stage: Stage, fit: Reply) -> None:
    names = _free(fit)
    templates = await stage.ask("list_templates", {"limit": 1})
    rows = templates.rows("templates")
    if not names or not rows:
        return
    template = str(rows[0].get("name") or rows[0].get("id"))
    await stage.scene("Here is our sheet. Set these up, but start nothing.")
    lines = ["server;template;group;order", *(f"{name};{template};web;2" for name in names)]
    lines[-1] = f"{names[-1]};{template}-old;web;2"  # as sheets are: one cell is wrong
    reply = await stage.call("plan_migration", {"csv": "\n".join(lines)})
    stage.table(
        reply,
        "rows",
        {
            "line": field_of("row"),
            "server": field_of("server"),
            "verdict": field_of("verdict"),
            "column": lambda row: (row.get("problems") or [{}])[0].get("column"),
            "what is wrong": lambda row: (row.get("problems") or [{}])[0].get("problem"),
        },
        most=_ROWS,
        numbers=("line",),
    )
    stage.fact("billed", [f"{count} {what}" for what, count in _billed(reply).items()])
    stage.aside("The wrong row hides no right one. apply_plan would ask a person first.")
    stage.size(reply)


def _billed(reply: Reply) -> dict[str, JSON]:
    found = reply.data.get("billed")
    return dict(found) if isinstance(found, dict) else {}


async def _schedule(stage: Stage, fit: Reply) -> None:
    hours = _WINDOW.seconds // 3600
    await stage.scene(f"All copies share {_LINE} Mbit/s. What is done in {hours} hours?")
    deadline = (fit.observed_at + _WINDOW).isoformat().replace("+00:00", "Z")
    reply = await stage.call("schedule_wave", {"line_mbit_s": _LINE, "deadline": deadline})
    stage.table(
        reply,
        "servers",
        {
            "server": field_of("name"),
            "starts at": field_of("starts_at"),
            "done at the latest": field_of("eta", "latest"),
            "fits": field_of("fits"),
        },
        most=_ROWS,
    )
    would_help = reply.data.get("would_help")
    for each in would_help if isinstance(would_help, list) else ():
        stage.fact("would help", each)
    stage.size(reply)
