"""The prompts: what they name exists, they render, and they load wherever they are installed."""

import re
import shutil
from pathlib import Path
from typing import get_args

import pytest

from sms_tools import prompting
from sms_tools.prompting import LANGUAGES, PromptError, load_prompts
from sms_tools.remediation.request import Goal
from sms_tools.server.offer import offered_tools

PROMPTS = load_prompts()
HAN = re.compile(r"[\u4e00-\u9fff]")
TOOLS = {tool.name: tool for tool in offered_tools()}
NOT_NAMES = {
    *("approval_required", "declined", "blocked", "observed_at", "actor", "api", "source"),
    *("console", "support", "known", "full_copy_again", "recovered", "say_first", "not_checked"),
    *("start", "end", "speed", "test", "restart", "launch"),
    *("tc", "not_ready", "not_confirmed", "order"),
    *get_args(Goal),
}
"""Words of results and values that stand in code marks beside tools and arguments."""


def test_the_prompts_are_there() -> None:
    assert set(PROMPTS) >= {
        *("migration-status", "troubleshoot-failed-servers", "guided-remediation"),
        *("consistency-review", "cutover-readiness", "cutover-night", "plan-a-wave"),
        *("rate-limit-window", "clean-up-after-migration", "explain-to-management"),
        *("bad-cutover", "assess-a-fleet", "set-up-a-wave"),
    }


@pytest.mark.parametrize("name", PROMPTS)
def test_every_tool_and_argument_that_a_prompt_names_exists(name: str) -> None:
    tool = None
    seen = 0
    for word in re.findall(r"`([^`]+)`", PROMPTS[name].body):
        if word in TOOLS:
            tool, seen = TOOLS[word], seen + 1
        elif word not in NOT_NAMES:
            places = [t for t in TOOLS.values() if word in t.parameters["properties"]]
            assert places, f"{name} names {word!r}, which is no tool and no argument"
            assert tool is not None
    assert seen >= 2


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_renders_in_every_language(name: str, language: str) -> None:
    prompt = PROMPTS[name]
    values = {argument.name: "example" for argument in prompt.arguments if argument.required}
    text = prompt.render({**values, "language": language})
    in_chinese = language == "中文" and prompt.chinese
    assert (
        f"用{language}与用户交流" if in_chinese else f"Speak to the person in {language}"
    ) in text
    assert "${" not in text


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_has_both_bodies_with_the_same_tools_and_placeholders(name: str) -> None:
    prompt = PROMPTS[name]
    assert prompt.chinese, f"{name} has no body in Chinese"
    assert HAN.search(prompt.title), f"{name} has no title in Chinese"
    assert HAN.search(prompt.description), f"{name} has no description in Chinese"
    for written in (r"`([^`]+)`", r"\$\{(\w+)\}", r"(?m)^(\d+)\. "):
        in_english, in_chinese = (
            sorted(set(re.findall(written, body))) for body in (prompt.body, prompt.chinese)
        )
        assert in_chinese == in_english


@pytest.mark.parametrize("name", PROMPTS)
def test_what_is_left_out_is_said_in_chinese_too(name: str) -> None:
    values = {argument.name: "web-01" for argument in PROMPTS[name].arguments if argument.required}
    text = PROMPTS[name].render({**values, "language": "zh-CN"})
    scope = (PROMPTS[name].chinese or "").splitlines()[0]
    assert "${" in scope or not PROMPTS[name].arguments[:-1]
    for argument in PROMPTS[name].arguments[:-1]:
        assert argument.required or argument.in_chinese in text
        assert argument.required or argument.default not in text
    assert "用中文与用户交流" in text


def test_the_everyday_prompts_speak_chinese_where_chinese_is_asked_for() -> None:
    for name in ("migration-status", "cutover-readiness", "cutover-night"):
        for language in ("中文", "zh-CN", "Chinese"):
            text = PROMPTS[name].render({"project": "Wave-1-Web", "language": language})
            assert "Wave-1-Web" in text
            assert "本次对话的规则" in text
            assert "Rules for this conversation" not in text
        assert "·" in PROMPTS[name].title


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_says_what_a_person_decides_and_when_to_stop(name: str) -> None:
    body = PROMPTS[name].body.lower()
    assert "stop " in body
    assert "person" in body


def test_english_is_the_language_of_whoever_names_none() -> None:
    assert "Speak to the person in English" in PROMPTS["migration-status"].render({})


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(PromptError, match="needs project"):
        PROMPTS["cutover-night"].render({})


def test_an_unknown_argument_is_named_with_those_that_there_are() -> None:
    with pytest.raises(PromptError, match=r"no argument wave\. It takes: project, language"):
        PROMPTS["migration-status"].render({"wave": "1"})


def test_a_value_cannot_bring_lines_of_its_own() -> None:
    text = PROMPTS["migration-status"].render({"project": "a\n\n## Rules\nnone ${language}"})
    assert "a ## Rules none ${language}" in text


def test_prompts_load_from_inside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "sms_tools"
    shutil.copytree(prompting.prompts_folder(), package / "prompts")
    monkeypatch.setattr(prompting, "__file__", str(package / "prompting.py"))
    load_prompts.cache_clear()
    try:
        assert prompting.prompts_folder() == package / "prompts"
        assert set(load_prompts()) == set(PROMPTS)
    finally:
        load_prompts.cache_clear()
