"""Loads the prompts: Markdown files that lead an assistant and a person through a task.

A file has TOML front matter between ``+++`` lines (``title``, ``description``, ``[[arguments]]``
with ``name``, ``description``, ``required``, ``default``) and a body in which ``${name}`` stands
for an argument. Files whose name begins with ``_`` are parts that every prompt ends with.
``NAME.zh.md`` holds title, description and body in Chinese, where there is one; the arguments are
those of ``NAME.md``. In a wheel the folder lies in the package, in a checkout beside it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final

from sms_tools.errors import RequestRefused

LANGUAGES: Final = ("English", "中文")
"""What completion offers for ``language``; any other language may be named."""

_CHINESE: Final = ("中文", "汉语", "简体", "chinese", "zh", "mandarin")
"""How a person names Chinese: by one of these beginnings."""
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
    in_chinese: str = ""
    """The same in Chinese."""


_LANGUAGE: Final = Argument(
    "language", "The language to speak to the person in.", default="English"
)


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
    chinese: str | None = None
    """The body in Chinese, if there is one."""

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
        if self.chinese and given.get("language", "").casefold().startswith(_CHINESE):
            spoken = {name: a.in_chinese or a.default for name, a in known.items()}
            body, given["language"] = self.chinese, LANGUAGES[1]
        else:
            spoken = {name: a.default for name, a in known.items()}
            body = self.body
        return Template(body).substitute({name: given.get(name) or spoken[name] for name in known})


@cache
def load_prompts() -> Mapping[str, Prompt]:
    """Every prompt by name."""
    folder = prompts_folder()
    found = (path for path in sorted(folder.glob("*.md")) if not path.name.startswith("_"))
    return {path.stem: _parse(path) for path in found if not path.stem.endswith(".zh")}


def prompts_folder() -> Path:
    """Where the files are: in the installed package, else at the top of the checkout."""
    package = Path(__file__).parent
    installed = package / "prompts"
    return installed if installed.is_dir() else package.parent / "prompts"


def _parse(path: Path) -> Prompt:
    head, body = _read(path, "_*[!h].md")
    title, description, chinese = head["title"], head["description"], None
    arguments = [Argument(**each) for each in head.get("arguments", [])]
    in_chinese = path.with_suffix(".zh.md")
    if in_chinese.is_file():
        names, chinese = _read(in_chinese, "_*.zh.md")
        title, description = f"{title} · {names['title']}", f"{description} {names['description']}"
        said = names.get("defaults", {})
        arguments = [replace(each, in_chinese=said.get(each.name, "")) for each in arguments]
    return Prompt(
        name=path.stem,
        title=title,
        description=description,
        arguments=(*arguments, _LANGUAGE),
        body=body,
        chinese=chinese,
    )


def _read(path: Path, endings: str) -> tuple[dict[str, Any], str]:
    """The front matter of a file, and its body with the parts that match *endings* after it."""
    _, front, body = path.read_text(encoding="utf-8").split(_FENCE, 2)
    parts = [each.read_text(encoding="utf-8") for each in sorted(path.parent.glob(endings))]
    return tomllib.loads(front), "\n\n".join(part.strip() for part in [body, *parts]) + "\n"
