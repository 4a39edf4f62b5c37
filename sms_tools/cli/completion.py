"""``sms-tools completion SHELL``: completes commands and options, from the parser itself."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Final

from sms_tools.cli import COMMANDS, parser_for

_SHELLS: Final = ("bash", "zsh", "fish")


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("shell", choices=_SHELLS, help='e.g. eval "$(sms-tools completion bash)"')


def run(options: argparse.Namespace) -> int:
    """Print the script that the shell evaluates."""
    words = _words()
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](words), end="")
    return 0


def _words() -> Mapping[str, Sequence[str]]:
    """What each command takes, as the parser says it."""
    parser = parser_for(*COMMANDS)
    (commands,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    return {
        name: sorted(
            word
            for action in command._actions
            for word in (*action.option_strings, *(action.choices or ()))
            if isinstance(word, str)
        )
        for name, command in commands.choices.items()
    }


def _bash(words: Mapping[str, Sequence[str]]) -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(of)}" ;;' for name, of in words.items())
    return f"""_sms_tools() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} words
  case ${{COMP_CWORD}}:${{COMP_WORDS[1]}} in
    1:*) COMPREPLY=($(compgen -W "{" ".join(words)} --version --help" -- "$current")); return ;;
  esac
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _sms_tools sms-tools huaweicloud-sms-tools
"""


def _zsh(words: Mapping[str, Sequence[str]]) -> str:
    return f"autoload -Uz bashcompinit && bashcompinit\n{_bash(words)}"


def _fish(words: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for program in ("sms-tools", "huaweicloud-sms-tools"):
        for name, summary in COMMANDS.items():
            said = summary.replace("'", "\\'")
            lines.append(f"complete -c {program} -f -n __fish_use_subcommand -a {name} -d '{said}'")
            given = " ".join(words[name])
            lines.append(
                f"complete -c {program} -n '__fish_seen_subcommand_from {name}' -a '{given}'"
            )
    return "\n".join(lines) + "\n"
