"""The error codes: complete, filled in, honest, and never against what is known."""

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sms_tools.knowledge import all_codes, codes_in, explain, normalize_code
from sms_tools.knowledge.errors import GAP, ErrorKnowledge

REFERENCE_CODES = (Path(__file__).parent / "reference_codes.txt").read_text().split()
FROM_FAQ_AND_FIELD = [
    "SMS.0219",
    "SMS.0609",
    "SMS.1351",
    "SMS.1352",
    "SMS.1353",
    "SMS.2805",
    "SMS.2806",
    "SMS.6306",
    "SMS.6562",
    "SMS.6563",
    "SMS.6564",
    "SMS.9007",
]
SEEN_BUT_UNEXPLAINED = ("SMS.1302", "SMS.5647")
HELPFUL_TOOLS = frozenset(
    [
        "check_network_acl",
        "create_migration_task",
        "delete_migration_task",
        "delete_source_servers",
        "delete_template",
        "find_cleanup_candidates",
        "get_agent_configuration",
        "get_consistency_results",
        "get_migration_options",
        "get_migration_project",
        "get_migration_rate_limits",
        "get_migration_task",
        "get_privacy_agreement",
        "get_source_server",
        "get_source_server_overview",
        "get_template",
        "list_migration_projects",
        "list_migration_tasks",
        "list_source_servers",
        "list_templates",
        "manage_migration_task",
        "set_default_migration_project",
        "set_migration_rate_limits",
        "unlock_target_server",
        "update_source_server",
        "update_template",
        "upload_migration_task_logs",
    ]
)
"""What an entry may send somebody to: never a tool of the Agent's protocol, never a secret."""

DELETES_A_TASK = re.compile(r"\bdelete (the|its|this|that) (migration )?task", re.IGNORECASE)


def advice(entry: ErrorKnowledge) -> str:
    """Everything that tells a person what to do; not what warns them."""
    return " ".join([entry.first_step, *entry.fixes, entry.after, *(c.do for c in entry.checks)])


def test_all_381_codes_of_the_reference_are_known() -> None:
    assert len(set(REFERENCE_CODES)) == 381
    assert set(REFERENCE_CODES) <= set(all_codes())
    assert all(explain(code).known for code in REFERENCE_CODES)


@pytest.mark.parametrize("code", FROM_FAQ_AND_FIELD)
def test_what_only_the_faq_or_the_field_knows_is_known_too(code: str) -> None:
    entry = explain(code)
    assert entry.known
    assert "reference" not in entry.origin


@pytest.mark.parametrize("code", SEEN_BUT_UNEXPLAINED)
def test_a_code_that_was_only_seen_is_unknown_and_says_where_it_was_seen(code: str) -> None:
    entry = explain(code, ["/", "/mnt/vdb1"])
    assert not entry.known
    assert entry.full_copy_again is None
    assert entry.message == f"{code} (/, /mnt/vdb1)"
    assert "documented nowhere" in entry.cause


def every_entry() -> list[ErrorKnowledge]:
    return [explain(code) for code in all_codes()]


def test_every_entry_can_be_acted_on() -> None:
    for entry in every_entry():
        assert entry.actor in ("api", "source", "console", "support"), entry
        assert entry.origin, entry
        assert set(entry.origin) <= {"reference", "faq", "field", "ours"}, entry
        assert all(check.where and check.do for check in entry.checks), entry
        for text in (entry.cause, entry.first_step):
            assert text.endswith("."), entry
            assert len(text) > 20, entry


def test_every_tool_that_an_entry_names_exists_and_is_fit_to_be_named() -> None:
    assert {tool for entry in every_entry() for tool in entry.tools} <= HELPFUL_TOOLS


def test_every_placeholder_is_filled_by_position() -> None:
    for row in _rows():
        wanted = len(re.findall(r"%[sd]|\{\d+(?:\[\d+\])?\}", row["message"]))
        params = [f"value-{number}" for number in range(wanted)]
        filled = explain(row["code"], params).message
        assert not re.search(r"%[sd]|\{\d", filled), row
        assert GAP not in filled, row
        assert all(param in filled for param in params), row
        assert explain(row["code"]).message.count(GAP) == wanted, row


def test_nothing_sends_to_support_what_the_faq_can_solve() -> None:
    for entry in every_entry():
        assert not re.match(r"(please )?contact", entry.first_step, re.IGNORECASE), entry
        if "faq" in entry.origin:
            assert entry.actor != "support" or entry.code == "SMS.5112", entry


def test_a_step_that_needs_nobody_from_support_does_not_name_support_as_the_actor() -> None:
    for code in ("SMS.1201", "SMS.7303", "SMS.7313", "SMS.7606", "SMS.7707", "SMS.9002"):
        assert explain(code).actor in ("api", "source")


def test_a_ticket_is_asked_for_with_what_belongs_in_it() -> None:
    for entry in every_entry():
        if "upload_migration_task_logs" in entry.first_step:
            assert "OBS bucket" in entry.first_step, entry
            assert "request id" in entry.first_step, entry


def test_nothing_advises_to_delete_a_task_unless_the_copy_is_lost_anyway() -> None:
    for entry in every_entry():
        if DELETES_A_TASK.search(advice(entry)) or "delete_migration_task" in entry.tools:
            assert entry.full_copy_again, entry


def test_a_lost_copy_is_said_and_never_called_safe_to_retry() -> None:
    lost = [entry for entry in every_entry() if entry.full_copy_again]
    assert lost
    for entry in lost:
        assert entry.retry_safe is False, entry
        assert "everything" in advice(entry), entry


def test_nothing_advises_open_doors() -> None:
    for entry in every_entry():
        assert not re.search(r"0\.0\.0\.0/0|servercheck = False|\{[as]k\}", advice(entry)), entry


@pytest.mark.parametrize("code", ["SMS.0515", "SMS.0212", "SMS.1414"])
def test_lost_change_tracking_means_a_full_copy_and_a_new_task(code: str) -> None:
    entry = explain(code)
    assert entry.full_copy_again
    assert "delete_migration_task" in entry.tools
    assert "create_migration_task" in entry.tools
    assert entry.caution is not None
    assert "Say so before acting" in entry.caution


@pytest.mark.parametrize("code", ["SMS.0807", "SMS.1807", "SMS.2802", "SMS.3802", "SMS.3805"])
def test_a_network_break_loses_nothing(code: str) -> None:
    entry = explain(code)
    assert entry.full_copy_again is False
    assert entry.retry_safe is True
    assert "manage_migration_task" in entry.tools


def test_5102_allows_execution_on_tmp() -> None:
    entry = explain("SMS.5102")
    assert "mount -o remount,exec /tmp" in entry.first_step
    assert "allow execution" in entry.first_step
    assert entry.corrected is not None
    assert not re.search(r"grant (the )?noexec", advice(entry))


@pytest.mark.parametrize(
    ("code", "true", "false"),
    [
        ("SMS.0601", "target server could not be created", "rsync"),
        ("SMS.1106", "could not be deleted", "too small"),
        ("SMS.1901", "source's own disk information", "connect to"),
        ("SMS.6517", "rsync is not installed on the source", "creation"),
    ],
)
def test_four_codes_that_a_published_helper_gets_wrong(code: str, true: str, false: str) -> None:
    entry = explain(code)
    assert true in entry.cause
    assert false not in entry.cause + advice(entry)
    assert entry.corrected is not None


def test_7303_means_a_project_and_not_a_template() -> None:
    entry = explain("SMS.7303")
    assert "project" in entry.cause
    assert "template" not in entry.cause
    assert entry.corrected is not None


@pytest.mark.parametrize("code", ["SMS.6539", "SMS.6541", "SMS.6542", "SMS.1407"])
def test_the_references_other_slips_are_marked(code: str) -> None:
    entry = explain(code)
    assert entry.corrected is not None
    assert "ours" in entry.origin


@pytest.mark.parametrize("written", ["1414", "sms.1414", "SMS.1414", " SMS1414 ", "S3M.1414"])
def test_a_code_may_be_written_as_people_write_it(written: str) -> None:
    assert explain(written).code == "SMS.1414"


def test_short_numbers_are_padded() -> None:
    assert normalize_code("515") == "SMS.0515"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("SMS.0515: disk changed", ("SMS.0515",)),
        ("错误码SMS.3802，请处理", ("SMS.3802",)),
        ("ＳＭＳ．３８０２", ("SMS.3802",)),
        ("first sms.3802, later (SMS_0515) and SMS.3802 again", ("SMS.3802", "SMS.0515")),
        ('{"error_code":"APIGW.0301","error_msg":"..."}', ("APIGW.0301",)),
        ("1414", ("SMS.1414",)),
        (" 515 ", ("SMS.0515",)),
        ("0515, SMS.3802、1414", ("SMS.0515", "SMS.3802", "SMS.1414")),
        ("sms 1414", ("SMS.1414",)),
        ("port 8899 of the target is closed (SMS.2802)", ("SMS.2802",)),
        ("it stopped in 2026 on port 8899", ()),
        ("SMS.12345", ()),
        ("MMSMS.1234", ()),
        ("", ()),
    ],
)
def test_codes_are_found_within_a_sentence_and_a_bare_number_only_alone(
    text: str, codes: tuple[str, ...]
) -> None:
    assert codes_in(text) == codes


def test_a_long_text_is_searched_once_through() -> None:
    assert codes_in("SMS" * 100_000 + " SMS.0515") == ("SMS.0515",)


@pytest.mark.parametrize(
    "code", ["APIGW.0101", "APIGW.0201", "APIGW.0301", "apigw.0303", "APIGW.0305", "APIG.0308"]
)
def test_the_gateways_codes_are_known(code: str) -> None:
    entry = explain(code)
    assert entry.known
    assert entry.code.startswith("APIGW.")
    assert entry.family == "api_gateway"


def test_throttling_is_safe_to_repeat_and_a_wrong_signature_is_not() -> None:
    assert explain("APIGW.0308").retry_safe is True
    assert explain("APIGW.0301").retry_safe is False


@pytest.mark.parametrize("code", ["SMS.9998", "9998", "ECS.0001", "", "nonsense", "SMS.12345"])
def test_an_unknown_code_says_so(code: str) -> None:
    entry = explain(code, ["a", None])
    assert not entry.known
    assert entry.retry_safe is None
    assert entry.full_copy_again is None
    assert entry.origin == ()
    assert "undocumented" in entry.cause
    assert entry.family == "unknown"


def test_an_unknown_code_is_shown_raw_but_without_what_hides_in_it() -> None:
    entry = explain("SMS.\u202e77\u200b\n" + "x" * 200, ["\x1b[31mred", "y" * 1000])
    assert "\u202e" not in entry.code
    assert len(entry.code) <= 64
    assert "\x1b" not in entry.message
    assert len(entry.message) < 400


def test_a_missing_parameter_leaves_a_readable_gap() -> None:
    assert explain("SMS.0303", ["iam.example"]).message == (
        "Unable to access domain name iam.example. Cause: …"
    )
    assert explain("SMS.0303", [None, "timeout"]).message == (
        "Unable to access domain name …. Cause: timeout"
    )


def test_a_single_text_is_one_parameter() -> None:
    assert "iam.example" in explain("SMS.0302", "iam.example").message


def test_parameters_by_number_are_taken_by_number() -> None:
    message = explain("SMS.3210", ["/dev/vdb1", "btrfs", "no mkfs"]).message
    assert message == "Failed to format partition /dev/vdb1 to btrfs. Cause: no mkfs"


def test_a_parameter_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    assert "%s" in explain("SMS.0303", ["%s", "{0[0]}"]).message


def test_the_file_has_one_sorted_entry_per_line() -> None:
    text = (files("sms_tools.knowledge") / "errors.json").read_text(encoding="utf-8")
    lines = [line.rstrip(",") for line in text.splitlines()[1:-1]]
    codes = [json.loads(line)["code"] for line in lines]
    assert codes == sorted(set(codes))
    assert tuple(codes) == all_codes()


def test_importing_the_package_reads_no_data() -> None:
    program = (
        "import sys, sms_tools.knowledge as k; from sms_tools.knowledge import errors;"
        "assert errors._catalogue.cache_info().currsize == 0;"
        "assert 'pydantic' not in sys.modules;"
        "k.explain('1414');"
        "assert errors._catalogue.cache_info().currsize == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603


def _rows() -> list[dict[str, Any]]:
    text = (files("sms_tools.knowledge") / "errors.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


PREPAID = ["vol-1", "periodic volume cannot be deleted"]
IN_USE = ["vol-1", "EVS.5400 volume is in-use"]


def test_a_prepaid_disk_that_stays_does_not_undo_the_migration() -> None:
    entry = explain("SMS.1106", PREPAID)
    assert "The migration itself succeeded" in entry.cause
    assert "yearly/monthly" in entry.cause
    assert entry.retry_safe is False
    assert entry.full_copy_again is False


@pytest.mark.parametrize("params", [IN_USE, ["vol-1"], []])
def test_another_disk_that_stays_claims_nothing_about_the_migration(params: list[str]) -> None:
    entry = explain("SMS.1106", params)
    assert "succeeded" not in entry.cause
    assert "yearly" not in advice(entry) + entry.cause
    assert entry.retry_safe is None
    assert entry.full_copy_again is None


def test_the_parameters_tell_a_quota_from_a_frozen_account() -> None:
    quota = explain("SMS.6526", ["Quota exceeded for cores"])
    frozen = explain("SMS.6526", ["the account is frozen"])
    neither = explain("SMS.6526")
    assert "billing" not in quota.first_step
    assert "quota" in quota.first_step
    assert "billing console" in frozen.first_step
    assert frozen.caution is not None
    assert "no server of this account is ready" in frozen.caution
    assert "quota" in neither.first_step
    assert "account" in neither.first_step


def test_every_case_by_parameters_names_what_differs() -> None:
    fields = set(ErrorKnowledge.__dataclass_fields__) - {"code", "known", "message"}
    cases = [(row, case) for row in _rows() for case in row.get("by_params", ())]
    assert cases
    for row, case in cases:
        assert {"match", "cause"} <= set(case), row["code"]
        assert set(case) - {"match"} <= fields, row["code"]
        assert case["cause"] != row["cause"], row["code"]


BY_A_PERSON = re.compile(
    r"console|restart the Agent|\bon the (source|target)\b|security group|stable bandwidth"
    r"|firewall",
    re.IGNORECASE,
)


def test_a_first_step_that_a_person_takes_is_no_call_of_ours() -> None:
    for entry in every_entry():
        if entry.actor == "api":
            first = re.sub(r"[^;.]*\bafterwards", "", entry.first_step)
            assert not BY_A_PERSON.search(first), entry


@pytest.mark.parametrize(
    ("code", "actor"),
    [
        ("SMS.0210", "console"),
        ("SMS.0211", "console"),
        ("SMS.0411", "console"),
        ("SMS.0412", "console"),
        ("SMS.8103", "console"),
        ("SMS.6103", "console"),
        ("SMS.0515", "source"),
        ("SMS.0519", "source"),
        ("SMS.1113", "source"),
        ("SMS.1315", "source"),
        ("SMS.7113", "api"),
    ],
)
def test_whoever_acts_first_is_the_actor(code: str, actor: str) -> None:
    assert explain(code).actor == actor


def test_a_new_task_is_preceded_by_what_people_do_themselves() -> None:
    for entry in every_entry():
        assert bool(entry.by_hand) == bool(entry.full_copy_again), entry


def test_a_full_partition_promises_no_more_than_is_known() -> None:
    entry = explain("SMS.1315")
    assert entry.full_copy_again is None
    assert entry.retry_safe is None
    assert "SMS.0519" in entry.first_step
    assert "update_source_server" not in entry.tools


def test_a_launched_target_without_mysql_is_synchronised_again_and_not_started() -> None:
    entry = explain("SMS.5604")
    assert entry.retry_safe is False
    assert "action restart" in entry.after
    assert "overwrites" in entry.first_step


def test_the_ids_of_disks_come_from_the_existing_server_and_not_from_the_suggestion() -> None:
    entry = explain("SMS.6103")
    assert "ECS console" in entry.first_step
    assert "suggested" not in advice(entry)


def test_a_limit_without_effect_is_repaired_before_it_is_taken_away() -> None:
    entry = explain("SMS.9007")
    assert "install" in entry.first_step
    assert "handleRecord.log" in entry.first_step
    assert "remove the task's rate limit" not in entry.first_step


def test_firewall_steps_name_the_address_that_the_target_sees() -> None:
    for entry in every_entry():
        text = advice(entry) + (entry.caution or "")
        assert not re.search(r"source's address|source address", text), entry
    for code in ("SMS.0804", "SMS.1807", "SMS.2802", "SMS.3802", "SMS.3805", "SMS.3806"):
        assert "the address with which the source leaves" in explain(code).first_step


def test_nothing_advises_a_restart_without_its_price() -> None:
    for entry in every_entry():
        if "action restart" in advice(entry):
            assert "overwrites" in advice(entry) + (entry.caution or ""), entry


def test_what_many_servers_have_is_explained_once() -> None:
    assert explain("SMS.3802", ["a"]) is explain("3802", ("a",))
