"""The board in a real browser, under the official host bridge and the policy that hosts set."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench.browser import TOOLS, Host
from sms_tools.board.document import COLUMNS
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE

HOSTILE = "<img src=x onerror=alert(1)>\"';</script><script>alert(2)</script>"


def methods(host: Host, to: str) -> list[str]:
    """What went one way, in order: methods, or ``answer``."""
    seen = host.do("seen")["messages"]
    return [each.get("method") or "answer" for each in seen if each["to"] == to]


def clean(host: Host) -> None:
    """Nothing is logged as wrong, asked of a network, forbidden, or scrolls sideways."""
    seen = host.do("seen")
    assert (seen["errors"], seen["requests"], seen["violations"]) == ([], [], [])
    assert seen["sideways"] <= 0


def asked_of_the_host(host: Host, method: str) -> list[Mapping[str, Any]]:
    seen = host.do("seen")["messages"]
    return [
        each["params"] for each in seen if each["to"] == "host" and each.get("method") == method
    ]


def answer_of(rows: list[list[Any]], **more: Any) -> dict[str, Any]:
    """A result whose board has *rows*."""
    document = {
        "version": 1,
        "tool": "migration_overview",
        "read_at": 1_772_366_400,
        "deadline": None,
        "project": None,
        "count": len(rows),
        "phases": {"failed": len(rows)},
        "done": None,
        "total": None,
        "counted": 0,
        "estimate": None,
        "no_estimate": "not read",
        "window": None,
        "groups": [],
        "gates": None,
        "gaps": [],
        "left_out": [],
        "columns": list(COLUMNS),
        "rows": rows,
        **more,
    }
    told = {"summary": "Some servers.", "observed_at": "2026-03-01T12:00:00Z"}
    return {
        "content": [{"type": "text", "text": json.dumps(told)}],
        "structuredContent": told,
        "_meta": {"sms-tools/board": document},
    }


def row(**known: Any) -> list[Any]:
    return [known.get(column) for column in COLUMNS]


def test_the_page_and_the_host_say_what_the_specification_says(host: Host) -> None:
    host.open("migration_overview")
    assert methods(host, "host")[:3] == [
        "ui/initialize",
        "ui/notifications/initialized",
        "ui/notifications/size-changed",
    ]
    assert methods(host, "page")[:3] == [
        "answer",
        "ui/notifications/tool-input",
        "ui/notifications/tool-result",
    ]
    begun = asked_of_the_host(host, "ui/initialize")[0]
    assert begun["appInfo"]["name"] == "sms-tools-board"
    assert begun["protocolVersion"] == "2026-01-26"
    sizes = asked_of_the_host(host, "ui/notifications/size-changed")
    assert sizes[-1]["height"] > 150
    assert host.read("document.documentElement.scrollHeight") <= sizes[-1]["height"]
    clean(host)


@pytest.mark.parametrize("tool", TOOLS)
def test_each_of_the_four_answers_is_drawn(host: Host, tool: str) -> None:
    host.open(tool)
    assert host.read("document.querySelectorAll('#rows [role=row]').length") > 3
    assert "Read " in host.read("document.getElementById('read').textContent")
    assert "null" not in host.read("document.body.innerText")
    assert "undefined" not in host.read("document.body.innerText")
    clean(host)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tool", TOOLS)
def test_axe_finds_nothing_in_any_view(host: Host, tool: str, theme: str) -> None:
    host.open(tool, theme=theme)
    for view in ("servers", "failures", "readiness"):
        host.do("click", selector=f"#tab-{view}")
        assert host.axe() == []
    host.do("click", selector="#tab-servers")
    host.do("click", selector="#rows [role=row]")
    assert host.axe() == []


@pytest.mark.parametrize("width", [400, 800, 1600])
def test_nothing_scrolls_sideways(host: Host, width: int) -> None:
    host.open("check_cutover_readiness", width=width)
    for view in ("servers", "failures", "readiness"):
        host.do("click", selector=f"#tab-{view}")
        clean(host)
        cut = "[...document.querySelectorAll('#list')].some(e => e.scrollWidth > e.clientWidth)"
        assert host.read(cut) is False


def test_a_click_puts_a_question_into_the_conversation_and_calls_nothing(host: Host) -> None:
    host.open("summarize_failed_servers")
    for view in ("servers", "failures", "readiness"):
        host.do("click", selector=f"#tab-{view}")
        for index in range(host.read("document.querySelectorAll('main button').length")):
            host.read(
                f"(() => {{ const b = document.querySelectorAll('main button')[{index}];"
                " if (b && b.offsetParent) b.click(); })()"
            )
    assert asked_of_the_host(host, "tools/call") == []
    messages = asked_of_the_host(host, "ui/message")
    assert len(messages) > 3
    for message in messages:
        assert message["role"] == "user"
        assert message["content"][0]["text"].startswith("Please use ")
    clean(host)


def test_no_tool_that_changes_something_is_visible_to_the_page(host: Host) -> None:
    offered = {each["name"]: each["ui"] for each in host.about["tools"]}
    assert {name for name, ui in offered.items() if ui.get("resourceUri")} == set(TOOLS)
    for name, ui in offered.items():
        assert (ui.get("visibility") == ["model"]) is (name not in TOOLS), name
    host.open("migration_overview")
    for name, operation in CATALOGUE.items():
        if operation.__spec__.kind is Kind.READ:
            continue
        refused = host.read(
            f"host.ask('tools/call', {{name: {json.dumps(name)}, arguments: {{}}}})"
            ".then(() => 'called', (error) => error.message)"
        )
        assert "is not visible to pages" in refused


def test_it_reads_again_with_its_own_question_and_not_at_once_again(host: Host) -> None:
    host.open("summarize_progress", arguments={"project": "Wave-2-DB"})
    host.do("click", selector="#again")
    host.read(
        "new Promise((done) => { const wait = () => document.getElementById('again')"
        ".textContent === 'Read again' ? done() : setTimeout(wait, 20); wait(); })"
    )
    assert asked_of_the_host(host, "tools/call") == [
        {"name": "summarize_progress", "arguments": {"project": "Wave-2-DB"}}
    ]
    assert host.read("document.getElementById('again').disabled") is True
    clean(host)


def test_a_hostile_name_is_text_and_never_reaches_a_message(host: Host) -> None:
    rows = [
        row(name=HOSTILE, id="id-1", phase="failed", needs="failed", code=HOSTILE, wave=HOSTILE)
    ]
    host.open("migration_overview", result=answer_of(rows, project=HOSTILE, gaps=[HOSTILE]))
    assert HOSTILE in host.read("document.querySelector('.name').textContent")
    assert host.read("document.querySelectorAll('img, main script').length") == 0
    host.do("click", selector="#rows [role=row]")
    host.do("click", selector="#detail .offers button")
    [message] = asked_of_the_host(host, "ui/message")
    assert "img" not in message["content"][0]["text"]
    clean(host)


def test_what_is_not_known_is_drawn_as_unknown(host: Host) -> None:
    rows = [row(name="a", id="id-1", phase="unknown"), row(name="b", id="id-2", phase="syncing")]
    host.open("migration_overview", result=answer_of(rows, count=None, phases={}))
    shown = host.read("document.body.innerText")
    assert "How many servers there are is not known" in shown
    assert "copied: not known" in shown
    assert "rate: not known" in shown
    assert "readiness is not known" in host.read(
        "document.getElementById('view-readiness').textContent"
    )
    assert " 0 %" not in shown
    assert host.read("document.querySelectorAll('.meter .hatched').length") == 2
    clean(host)


def test_filters_search_and_order_work_by_keyboard(host: Host) -> None:
    host.open("migration_overview")
    host.do("fill", selector="#search", text="db-")
    names = "[...document.querySelectorAll('#rows .name')].map((each) => each.textContent)"
    assert all("db-" in name for name in host.read(names))
    host.do("choose", selector="#order", value="name")
    assert host.read(names) == sorted(host.read(names))
    host.do("press", selector="#rows [tabindex='0']", key="ArrowDown")
    assert host.read("document.activeElement.getAttribute('aria-rowindex')") == "3"
    host.do("press", key="Enter")
    assert host.read("document.activeElement.id") == "detail-title"
    host.do("press", key="Escape")
    assert host.read("document.activeElement.getAttribute('aria-rowindex')") == "3"
    host.do("fill", selector="#search", text="no such server")
    assert host.read("document.querySelectorAll('#rows [role=row]').length") == 0


def test_four_thousand_rows_are_there_though_few_are_drawn(host: Host) -> None:
    rows = [row(name=f"server-{n:04}", id=f"id-{n}", phase="failed") for n in range(4000)]
    host.open("migration_overview", result=answer_of(rows))
    assert host.read("document.getElementById('list').getAttribute('aria-rowcount')") == "4001"
    assert host.read("document.querySelectorAll('#rows [role=row]').length") < 60
    host.do("press", selector="#rows [tabindex='0']", key="End")
    assert "server-3999" in host.read("document.activeElement.textContent")
    clean(host)


def test_the_theme_follows_the_host(host: Host) -> None:
    host.open("migration_overview", theme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = host.read(ground)
    host.do("context", context={"theme": "dark"})
    assert host.read(ground) != light


def test_full_screen_is_asked_for_and_the_answer_counts(host: Host) -> None:
    host.open("migration_overview")
    host.do("click", selector="#full")
    assert asked_of_the_host(host, "ui/request-display-mode") == [{"mode": "fullscreen"}]
    assert host.read("document.getElementById('full').textContent") == "Leave full screen"
    host.do("click", selector="#docs")
    assert asked_of_the_host(host, "ui/open-link")[0]["url"].startswith("https://support.huawei")
    clean(host)


def test_without_full_screen_there_is_no_button_for_it(host: Host) -> None:
    host.open("migration_overview", modes=["inline"])
    assert host.read("document.getElementById('full').hidden") is True


def test_a_question_that_the_host_does_not_take_can_be_copied(host: Host) -> None:
    host.open("migration_overview", answers={"message": {"isError": True}})
    host.do("click", selector="#proposals button")
    assert host.read("document.querySelector('#said textarea').value").startswith("Please use ")
    assert host.axe() == []


def test_a_host_that_keeps_the_rows_back_gets_what_the_answer_says(host: Host) -> None:
    result = host.do("call", tool="summarize_progress")
    bare = {key: value for key, value in result.items() if key != "_meta"}
    host.open("summarize_progress", result=bare)
    assert host.read("document.querySelectorAll('#rows [role=row]').length") > 5
    assert "there is less to see" in host.read("document.getElementById('notices').textContent")
    clean(host)


def test_of_several_accounts_each_proposal_names_the_account(host: Host) -> None:
    result = answer_of([row(name="a", id="id-1", phase="failed", needs="failed")])
    result["structuredContent"]["account"] = "north"
    host.open("migration_overview", result=result)
    host.do("click", selector="#rows [role=row]")
    host.do("click", selector="#detail .offers button")
    [message] = asked_of_the_host(host, "ui/message")
    assert '{"account":"north","server":"id-1"}' in message["content"][0]["text"]


def test_an_answer_of_several_accounts_is_said_and_not_added_up(host: Host) -> None:
    told = {"summary": "north: 4 servers. south: 7 servers.", "accounts": [{"account": "north"}]}
    host.open("migration_overview", result={"content": [], "structuredContent": told})
    shown = host.read("document.body.innerText")
    assert "north: 4 servers. south: 7 servers." in shown
    assert "not drawn together" in shown
    assert "When it was read is not known" in shown
    clean(host)


def test_an_error_is_said_and_the_reading_before_stays(host: Host) -> None:
    host.open("migration_overview")
    told = {"summary": "The service is not reached.", "status": "error"}
    failed = {"content": [], "structuredContent": told, "isError": True}
    host.do("result", result=failed)
    assert "not reached" in host.read("document.querySelector('[role=alert]').textContent")
    assert host.read("document.querySelectorAll('#rows [role=row]').length") > 5
    clean(host)
