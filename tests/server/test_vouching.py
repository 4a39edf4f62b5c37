"""Who vouched that the targets boot and serve: asked in the clean-up's dialog, kept, and told."""

from pathlib import Path

import pytest

from .night import Night, call, planned, refuse

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["auto", "legacy"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    return Night(tmp_path / "state", request.param)


async def test_nobody_has_vouched_until_a_person_agrees_to_the_clean_up(night: Night) -> None:
    async with night.client() as client:
        before = await call(client, "find_cleanup_candidates", servers=["web-01", "web-02"])
        assert {row["vouched"] for row in before["may_be_deleted"]} == {"by nobody"}
        assert "Nobody is known to have vouched that 2 targets" in before["summary"]
        plan_id = await planned(client, goal="clean_up", servers=["web-01"], soak_hours=0)
        await call(client, "apply_plan", plan_id=plan_id)
        assert "Whoever agrees to this plan vouches for it" in night.asked[-1]
        assert "“web-01”" in night.asked[-1]
        after = await call(client, "find_cleanup_candidates", servers=["web-01", "web-02"])
        found = {(row.get("server") or row)["name"]: row for row in after["may_be_deleted"]}
        assert found["web-02"]["vouched"] == "by nobody"
        assert found["web-01"]["vouched"]["plan_id"] == plan_id
        assert "dialog" in found["web-01"]["vouched"]["by"]
        assert "example-client" in found["web-01"]["vouched"]["by"]


async def test_who_says_no_has_vouched_for_nothing(night: Night) -> None:
    night.say = refuse
    async with night.client() as client:
        plan_id = await planned(client, goal="clean_up", servers=["web-01"], soak_hours=0)
        await call(client, "apply_plan", plan_id=plan_id)
        after = await call(client, "find_cleanup_candidates", servers=["web-01"])
    assert {row["vouched"] for row in after["may_be_deleted"]} == {"by nobody"}


async def test_plans_say_what_is_billed_without_prices(night: Night) -> None:
    async with night.client() as client:
        rows = [{"server": "new-01", "template": "wave-1-web"}]
        setup = await call(client, "plan_migration", rows=rows)
        billed = setup["billed"]
        assert billed["made_target"] == billed["temporary_disk"] == 1
        clones = await call(client, "plan_remediation", goal="rehearse_cutover", servers=["web-04"])
        assert {row["what"] for row in clones["billed"]} == {"clone", "snapshot"}
