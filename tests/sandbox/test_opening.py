import subprocess
import sys

import httpx
import pytest

from sms_tools import sandbox as package
from sms_tools.sandbox import ManualClock, open_sandbox

pytestmark = pytest.mark.anyio


def test_importing_the_package_imports_neither_httpx_nor_a_server() -> None:
    code = (
        "import sys, sms_tools.sandbox\n"
        "heavy = {'httpx', 'pydantic', 'uvicorn', 'anyio'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 (our own code)


@pytest.mark.parametrize("name", package.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(package, name) is not None


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="healthy"):
        open_sandbox("paradise")


def test_the_sandbox_runs_ahead_of_its_callers_clock() -> None:
    clock = ManualClock()
    sandbox = open_sandbox("healthy", clock=clock, speed=60)
    start, began = clock(), sandbox.cloud.now()
    clock.advance(10)
    assert sandbox.clock() == start + 600
    assert sandbox.cloud.now() == began + 600_000


async def test_two_transports_reach_the_same_account() -> None:
    sandbox = open_sandbox("healthy", clock=ManualClock(), tokens=["example-token"])
    headers = {"X-Auth-Token": "example-token"}
    project = {
        "name": "wave-9",
        "region": "ap-southeast-3",
        "use_public_ip": True,
        "exist_server": False,
        "type": "MIGRATE_FILE",
        "syncing": True,
    }
    async with (
        httpx.AsyncClient(transport=sandbox.transport(), headers=headers) as one,
        httpx.AsyncClient(transport=sandbox.transport(), headers=headers) as other,
    ):
        made = (await one.post("https://sms.example/v3/migprojects", json=project)).json()["id"]
        seen = await other.get(f"https://sms.example/v3/migprojects/{made}")
    assert seen.json()["name"] == "wave-9"


def test_a_sandbox_says_what_it_was_made_from() -> None:
    assert open_sandbox("mixed", servers=50, seed=3).identity == "mixed, 50 servers, seed 3"
    assert open_sandbox().service.identity == "mixed, seed 1"
    assert open_sandbox(servers=40).identity == open_sandbox().identity
    assert open_sandbox(seed=2).identity != open_sandbox(seed=1).identity


def test_the_same_seed_gives_the_same_account() -> None:
    def ids(seed: int) -> list[str]:
        return list(open_sandbox("mixed", seed=seed, clock=ManualClock()).cloud.sources)

    assert ids(3) == ids(3)
    assert ids(3) != ids(4)
