"""Loads the prompts: Markdown files that lead an assistant and a person through a task.

A file has TOML front matter between ``+++`` lines (``title``, ``description``, ``[[arguments]]``
with ``name``, ``description``, ``required``, ``default``) and a body in which ``${name}`` stands
for an argument. Files whose name begins with ``_`` are parts that every prompt ends with. In a
wheel the folder lies in the package, in a checkout beside it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from sms_tools.errors import RequestRefused

LANGUAGES: Final = ("English", "中文")
"""What completion offers for ``language``; any other language may be named."""

_LONGEST_VALUE: Final = 4_000
"""Characters of one argument: a hundred ids. Longer ones are refused, not cut."""
_FENCE: Final = "+++"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a prompt."""

    name: str
    description: str
    required: bool = False
    default: str = "(not given)"
    """What the body says where the argument is left out."""


_LANGUAGE: Final = Argument("language", "Language for the words to the person.", default="English")


class PromptError(RequestRefused):
    """A prompt that cannot be rendered as asked; the message says what is missing or unknown."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as its file describes it."""

    name: str
    title: str
    description: str
    arguments: Sequence[Argument]
    body: str

    def render(self, values: Mapping[str, str]) -> str:
        """The text for *values*.

        Raises:
            PromptError: a required argument is missing, or one is not known.
        """
        known = {argument.name: argument for argument in self.arguments}
        takes = f"It takes: {', '.join(known)}."
        if unknown := sorted(set(values) - set(known)):
            raise PromptError(f"{self.name} has no argument {', '.join(unknown)}. {takes}")
        given = {name: " ".join(text.split()) for name, text in values.items()}
        if long := sorted(name for name, text in given.items() if len(text) > _LONGEST_VALUE):
            raise PromptError(
                f"{self.name}: {', '.join(long)} is longer than {_LONGEST_VALUE} characters."
            )
        missing = [a.name for a in self.arguments if a.required and not given.get(a.name)]
        if missing:
            raise PromptError(f"{self.name} needs {', '.join(missing)}. {takes}")
        filled = {name: given.get(name) or argument.default for name, argument in known.items()}
        return Template(self.body).substitute(filled)


@cache
def load_prompts() -> Mapping[str, Prompt]:
    """Every prompt by name."""
    folder = prompts_folder()
    ending = "\n\n".join(
        path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("_*.md"))
    )
    found = (path for path in sorted(folder.glob("*.md")) if not path.name.startswith("_"))
    return {path.stem: _parse(path, ending) for path in found}


def prompts_folder() -> Path:
    """Where the files are: in the installed package, else at the top of the checkout."""
    package = Path(__file__).parent
    installed = package / "prompts"
    return installed if installed.is_dir() else package.parent / "prompts"


def _parse(path: Path, ending: str) -> Prompt:
    _, front, body = path.read_text(encoding="utf-8").split(_FENCE, 2)
    head = tomllib.loads(front)
    return Prompt(
        name=path.stem,
        title=head["title"],
        description=head["description"],
        arguments=(*(Argument(**each) for each in head.get("arguments", [])), _LANGUAGE),
        body=f"{body.strip()}\n\n{ending}\n",
    )
