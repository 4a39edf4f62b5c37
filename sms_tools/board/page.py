"""The board's page: one self-contained document, joined from the files beside this module.

No network, no bundler: style, script and words are put into the markup when it is first read.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Final

from sms_tools import __version__
from sms_tools.drawing import look

MOST_BYTES: Final = 60_000
_STYLE: Final = ("board.css",)
_SCRIPT: Final = ("host.js", "shapes.js", "board.js")


@cache
def page() -> str:
    """The document."""
    words = {**look.as_data(), "version": __version__}
    # Inside a script element only its own end tag could end it.
    shared = json.dumps(words, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    script = [f'"use strict";\nconst LOOK = {shared};', *map(_text, _SCRIPT)]
    document = _text("board.html")
    document = document.replace("/* style */", "\n".join([*map(_text, _STYLE), _colours()]))
    return document.replace("/* script */", "\n".join(script))


def _colours() -> str:
    """The colours of the phases as rules, for both grounds."""
    rules = []
    for phase, each in look.PHASES.items():
        for ground, colour in (("", each.light), ('[data-theme="dark"] ', each.dark)):
            rules.append(f'{ground}[data-phase="{phase}"]{{background:{colour}}}')
            rules.append(f'{ground}[data-mark="{phase}"]{{color:{colour}}}')
    return "\n".join(rules)


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
