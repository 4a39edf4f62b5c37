"""From inside a company: a service behind its own authority, reached through a SOCKS proxy."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from sms_tools.sandbox import open_sandbox
from sms_tools.sandbox.http import serving
from tests.company import Network, network

from .conftest import environment_of

pytestmark = pytest.mark.anyio

HOST = "sms.company.example"


@dataclass
class Company:
    """A service in the company's network."""

    network: Network

    async def run(self, state: Path, *arguments: str, **more: str) -> "Any":
        """``sms-tools`` with the endpoint in the company's network."""
        environment = environment_of(
            state,
            SMS_TOOLS_ENDPOINT=self.network.address,
            HUAWEICLOUD_SDK_AK="EXAMPLE-ACCESS-KEY",
            HUAWEICLOUD_SDK_SK="example-secret-key",
            HUAWEICLOUD_SDK_PROJECT_ID="example-project",
            **more,
        )
        command = [sys.executable, "-m", "sms_tools", *arguments]
        with anyio.fail_after(120):
            return await anyio.run_process(command, env=environment, check=False)


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with (
        serving(open_sandbox()) as address,
        network(HOST, int(address.rpartition(":")[2])) as inside,
    ):
        yield Company(inside)


@pytest.fixture
def certificate(company: Company, tmp_path: Path) -> Path:
    path = tmp_path / "company.pem"
    company.network.authority.cert_pem.write_to_path(path)
    return path


async def test_an_authority_of_ones_own_and_a_socks_proxy_lead_to_the_service(
    company: Company, certificate: Path, state: Path
) -> None:
    done = await company.run(
        state,
        *("call", "migration_overview"),
        ALL_PROXY=company.network.proxy,
        SSL_CERT_FILE=str(certificate),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["server_count"] > 0
    assert set(company.network.asked) == {HOST}


async def test_without_the_authority_it_is_said_which_certificate_is_not_trusted(
    company: Company, state: Path
) -> None:
    done = await company.run(state, "call", "migration_overview", ALL_PROXY=company.network.proxy)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert "certificate" in said
    assert "SSL_CERT_FILE" in said
    assert "Traceback" not in said


async def test_without_the_proxy_it_is_said_that_the_service_is_not_reached(
    company: Company, certificate: Path, state: Path
) -> None:
    done = await company.run(state, "call", "migration_overview", SSL_CERT_FILE=str(certificate))
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert HOST in said
    assert "Traceback" not in said
    assert company.network.asked == []
