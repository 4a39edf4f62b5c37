"""A report as one HTML document: A4 in print, readable on a telephone, no script, no network.

The drawings stand before the tables that have their numbers. Every text is escaped here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from sms_tools.drawing import look

_MAIN: Final = 6
"""So many columns fit between the margins of A4; the others stand beneath their row."""
_SHORT: Final = 36
"""A column whose longest cell is longer than this is no main one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its title and what has to be known to read it."""

    title: str
    svg: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under named columns; the main table of a report needs no title."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]


def document(
    title: str,
    summary: str,
    read_at: str,
    *,
    gaps: Sequence[str] = (),
    figures: Sequence[Figure] = (),
    facts: Mapping[str, str] | None = None,
    tables: Sequence[Table],
    to_sign: tuple[Sequence[str], Sequence[str]],
) -> str:
    """The whole document; *to_sign* is the head of the last table and what stands in it."""
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(summary)}</p>',
        f'<p class="quiet">Read: {escape(read_at)}. All times are UTC.</p>',
        *(f'<p class="gap"><b>Not read:</b> {escape(each)}</p>' for each in gaps),
        *(_figure(each) for each in figures),
        _facts(facts or {}),
        *map(_table, tables),
        _signatures(*to_sign),
    ]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{_colours()}</style></head>"
    )
    return f"{head}\n<body><main>\n" + "\n".join(filter(None, body)) + "\n</main></body></html>\n"


def _figure(each: Figure) -> str:
    says = f"<figcaption>{escape(each.says)}</figcaption>" if each.says else ""
    return f"<figure><h2>{escape(each.title)}</h2>{each.svg}{says}</figure>"


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    pairs = "".join(
        f"<div{' class=wide' if len(value) > _SHORT else ''}><dt>{escape(_spoken(name))}</dt>"
        f"<dd>{escape(value) or 'not known'}</dd></div>"
        for name, value in facts.items()
    )
    return f"<h2>In figures</h2><dl>{pairs}</dl>"


def _table(table: Table) -> str:
    title = f"<h2>{escape(table.title or 'In detail')}</h2>"
    if not table.rows:
        return f"{title}<p>None.</p>"
    main = _main_columns(table)
    head = "".join(f'<th scope="col">{escape(_spoken(name))}</th>' for name in main)
    rows = "".join(_rows_of(row, main, table.columns) for row in table.rows)
    return f"{title}<table><thead><tr>{head}</tr></thead>{rows}</table>"


def _main_columns(table: Table) -> Sequence[str]:
    """The first columns whose cells are all short; the first column always."""
    longest = {c: max(len(row.get(c, "")) for row in table.rows) for c in table.columns}
    short = [c for c in table.columns if 0 < longest[c] <= _SHORT and c != "id"]
    first = list(table.columns[:1])
    return list(dict.fromkeys([*first, *short]))[:_MAIN]


def _rows_of(row: Mapping[str, str], main: Sequence[str], every: Sequence[str]) -> str:
    """One row, and beneath it what did not fit."""
    cells = "".join(f"<td>{escape(row.get(name, ''))}</td>" for name in main)
    more = [(name, row[name]) for name in every if name not in main and row.get(name)]
    told = "".join(
        f"<span><i>{escape(_spoken(n))}:</i> {escape(value)}</span> " for n, value in more
    )
    beneath = f'<tr class="more"><td colspan="{len(main)}">{told}</td></tr>' if more else ""
    return f"<tbody><tr>{cells}</tr>{beneath}</tbody>"


def _signatures(names: Sequence[str], to_sign: Sequence[str]) -> str:
    if not to_sign:
        return ""
    rows = "".join(f"<tr><td>{escape(each)}</td><td></td><td></td></tr>" for each in to_sign)
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"
    table = f'<table class="sign"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return f"<h2>To be signed</h2>{table}"


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _colours() -> str:
    """The classes of phases and verdicts: on a light ground and in print, and on a dark one."""
    light, dark = [], []
    for phase, shown in look.PHASES.items():
        light.append(f".phase-{phase}{{fill:{shown.light}}}")
        dark.append(f".phase-{phase}{{fill:{shown.dark}}}")
    return f"{''.join(light)}@media screen and (prefers-color-scheme:dark){{{''.join(dark)}}}"


_STYLE: Final = """
:root{color-scheme:light;--ground:#fff;--text:#1b1c20;--quiet:#575a64;--line:#d5d7de;--fill:#0060a8;
--soft:#bcd7ee;--bad:#b3261e;--good:#2e6b2e;--bad-soft:#fbdcd9;--good-soft:#e0efe0;--raised:#f5f6f8}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--ground:#17181c;
--text:#ececf1;--quiet:#b0b4c0;--line:#3b3e48;--fill:#5eb1f2;--soft:#24435e;--bad:#f2867d;
--good:#8ccf8c;--bad-soft:#46201d;--good-soft:#1f3a22;--raised:#212329}}
@page{size:A4;margin:14mm 14mm 16mm;@bottom-right{content:counter(page) " / " counter(pages);
font:9px sans-serif;color:#575a64}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);overflow-wrap:anywhere;
font:13px/1.45 system-ui,"Segoe UI",Roboto,"Noto Sans","Noto Sans CJK SC",sans-serif;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:760px;margin:0 auto;padding:24px 16px}
@media print{main{max-width:none;padding:0}body{font-size:11px}}
h1{font-size:22px;margin:0 0 8px}h2{font-size:14px;margin:18px 0 6px;break-after:avoid}
p{margin:0 0 6px}.lead{font-size:1.1em}.quiet,figcaption{color:var(--quiet)}
.gap{border-left:4px solid var(--bad);padding:4px 8px;background:var(--bad-soft)}
figure{margin:0;break-inside:avoid}figcaption{font-size:.92em;margin-top:4px}
svg{display:block;width:100%;height:auto;font:12px system-ui,"Segoe UI",Roboto,sans-serif;
fill:var(--text)}
svg .quiet{fill:var(--quiet)}svg .small{font-size:10.5px}svg .strong{font-weight:600}
.fill{fill:var(--fill)}.grid{stroke:var(--line)}.axis{stroke:var(--quiet)}
.seen{fill:none;stroke:var(--fill);stroke-width:2.5}.fan{fill:var(--soft)}.fan.open{opacity:.6}
.edge{fill:none;stroke:var(--fill);stroke-dasharray:5 3}
.read{stroke:var(--quiet)}.deadline{stroke:var(--bad);stroke-width:2;stroke-dasharray:6 3}
.range{fill:var(--fill)}.range.medium{fill:var(--soft);stroke:var(--fill)}
.range.low{fill:var(--ground);stroke:var(--fill);stroke-dasharray:4 2}
.gate-pass{fill:var(--good-soft)}.gate-fail{fill:var(--bad-soft);stroke:var(--bad)}
.gate-unknown{fill:var(--ground);stroke:var(--quiet);stroke-dasharray:3 2}
svg .mark-pass,svg .verdict-ready,svg .deed-done{fill:var(--good)}
svg .mark-fail,svg .verdict-not_ready,svg .deed-failed{fill:var(--bad);font-weight:700}
svg .mark-unknown,svg .verdict-not_confirmed,svg .deed-held{fill:var(--quiet)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:6px 16px;margin:0}
dl .wide{grid-column:1/-1}dt{color:var(--quiet);font-size:.9em}dd{margin:0}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:4px 6px;border-top:1px solid var(--line)}
thead th{background:var(--raised);border:0;font-weight:600}
tbody{break-inside:avoid}.more td{border:0;padding-top:0;color:var(--quiet);font-size:.92em}
.more span{margin-right:10px}.sign td,.sign th{border:1px solid var(--line);height:30px}
"""
