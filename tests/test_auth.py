"""How requests say who sends them: what arrives at the other end of the transport."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools import errors
from sms_tools.api import Api
from sms_tools.operation import Kind, Operation, Reply, Request
from sms_tools.operations.projects import GetMigrationProject
from sms_tools.settings import AuthToken, IamUser, Settings
from sms_tools.signing import MAX_SIGNED_BODY, Facts, KeyPair, verify

pytestmark = pytest.mark.anyio

KEY = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")
USER = IamUser("anna", "example-password", "acme")
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
READ = GetMigrationProject(mig_project_id="p-1")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Gateway:
    """The far end: IAM gives out numbered tokens, the service takes those not revoked."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.iam_calls = 0
        self.revoked: set[str] = set()
        self.iam: Callable[[httpx.Request], httpx.Response] = self.give_token
        self.lifetime = timedelta(hours=24)

    def give_token(self, _request: httpx.Request) -> httpx.Response:
        ends = (START + self.lifetime).isoformat().replace("+00:00", ".000000Z")
        headers = {"X-Subject-Token": f"example-token-{self.iam_calls}"}
        return httpx.Response(201, headers=headers, json={"token": {"expires_at": ends}})

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path == "/v3/auth/tokens":
            await anyio.lowlevel.checkpoint()
            self.iam_calls += 1
            self.last_iam_request = request
            return self.iam(request)
        self.seen.append(request)
        if request.headers.get("X-Auth-Token") in self.revoked:
            return httpx.Response(401, json={"error_code": "APIGW.0307", "error_msg": "Expired."})
        return httpx.Response(200, json={"id": "p-1"})


def api_of(gateway: Gateway, clock: Clock, credentials: Any, **settings: str) -> Api:
    chosen = Settings(credentials=credentials, **settings)  # type: ignore[arg-type]

    async def no_waiting(seconds: float) -> None:
        return None

    return Api(chosen, transport=httpx.MockTransport(gateway), clock=clock, sleep=no_waiting)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def facts_of(request: httpx.Request) -> Facts:
    """The request as the gateway receives it."""
    target = request.url.raw_path.decode()
    return Facts(request.method, target, dict(request.headers), request.content)


class Anything(Operation[Reply], method="POST", path="/v3/x/{part}", kind=Kind.WRITE, section="0"):
    """A request with whatever a test puts in."""

    part: str
    query: tuple[tuple[str, str], ...] = ()
    text: str | None = None

    def request(self) -> Request:
        asked = type(READ)(mig_project_id=self.part).request()
        return Request("POST", asked.path, self.query, {"text": self.text})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    part=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
    query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    text=TEXT,
)
def test_what_is_signed_is_what_arrives(part: str, query: list[tuple[str, str]], text: str) -> None:
    gateway, clock = Gateway(), Clock()

    async def send() -> None:
        async with api_of(gateway, clock, KEY) as api:
            await api(Anything(part=part, query=tuple(query), text=text))

    anyio.run(send)
    (request,) = gateway.seen
    assert verify(facts_of(request), KEY, clock.now) is None
    assert json.loads(request.content) == {"text": text}
    assert sorted(request.url.params.multi_items()) == sorted(query)


async def test_a_temporary_key_sends_its_token_and_ids_are_signed(
    gateway: Gateway, clock: Clock
) -> None:
    key = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key", "example-session-token")
    async with api_of(gateway, clock, key, project_id="pro", domain_id="dom") as api:
        await api(READ)
    (request,) = gateway.seen
    assert request.headers["X-Project-Id"] == "pro"
    assert request.headers["X-Domain-Id"] == "dom"
    assert request.headers["X-Security-Token"] == "example-session-token"
    signed = request.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert {"host", "x-domain-id", "x-project-id", "x-security-token"} <= set(signed.split(";"))
    assert verify(facts_of(request), key, clock.now) is None


async def test_a_body_over_12_mb_is_refused_before_it_is_sent(
    gateway: Gateway, clock: Clock
) -> None:
    large = Anything(part="p", text="x" * MAX_SIGNED_BODY)
    async with api_of(gateway, clock, KEY) as api:
        with pytest.raises(errors.RequestRefused, match="12 MB") as caught:
            await api(large)
        assert api.requests_made == 0
    assert "token" in caught.value.advice
    assert not gateway.seen


async def test_a_body_over_12_mb_goes_with_a_token(gateway: Gateway, clock: Clock) -> None:
    async with api_of(gateway, clock, AuthToken("example-token")) as api:
        await api(Anything(part="p", text="x" * MAX_SIGNED_BODY))
    assert gateway.seen[0].headers["X-Auth-Token"] == "example-token"
    assert "Authorization" not in gateway.seen[0].headers


async def test_without_credentials_nothing_is_sent(gateway: Gateway, clock: Clock) -> None:
    async with api_of(gateway, clock, None) as api:
        with pytest.raises(errors.RequestRefused, match="No credentials") as caught:
            await api(READ)
    assert "HUAWEICLOUD_SDK_AK" in caught.value.advice
    assert not gateway.seen


async def test_a_token_is_asked_for_as_the_reference_says(gateway: Gateway, clock: Clock) -> None:
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
        assert set(api.secret_values()) == {"example-password", "example-token-1"}
    asked = gateway.last_iam_request
    assert asked.method == "POST"
    assert str(asked.url) == "https://iam.ap-southeast-3.myhuaweicloud.com/v3/auth/tokens"
    assert json.loads(asked.content) == {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": {
                        "name": "anna",
                        "password": "example-password",
                        "domain": {"name": "acme"},
                    }
                },
            },
            "scope": {"domain": {"name": "acme"}},
        }
    }
    assert gateway.seen[0].headers["X-Auth-Token"] == "example-token-1"


async def test_callers_at_the_same_time_share_one_token(gateway: Gateway, clock: Clock) -> None:
    async with api_of(gateway, clock, USER) as api, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(api, READ)
    assert gateway.iam_calls == 1
    assert len(gateway.seen) == 20


async def test_a_token_is_kept_and_renewed_before_its_end(gateway: Gateway, clock: Clock) -> None:
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
        clock.now = START + timedelta(hours=23, minutes=30)
        await api(READ)
        assert gateway.iam_calls == 1
        clock.now = START + timedelta(hours=23, minutes=50)
        await api(READ)
    assert gateway.iam_calls == 2
    assert gateway.seen[-1].headers["X-Auth-Token"] == "example-token-2"


async def test_the_replys_own_end_of_a_token_counts(gateway: Gateway, clock: Clock) -> None:
    gateway.lifetime = timedelta(hours=1)
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
        clock.now = START + timedelta(minutes=50)
        await api(READ)
    assert gateway.iam_calls == 2


async def test_a_token_without_a_readable_end_is_kept_24_hours(
    gateway: Gateway, clock: Clock
) -> None:
    gateway.iam = lambda _: httpx.Response(201, headers={"X-Subject-Token": "t"}, content=b"?")
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
        clock.now = START + timedelta(hours=23, minutes=44)
        await api(READ)
        assert gateway.iam_calls == 1
        clock.now = START + timedelta(hours=23, minutes=46)
        await api(READ)
    assert gateway.iam_calls == 2


async def test_a_revoked_token_is_replaced_once_for_all_callers(
    gateway: Gateway, clock: Clock
) -> None:
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
        clock.now += timedelta(hours=2)
        gateway.revoked.add("example-token-1")
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(api, READ)
    assert gateway.iam_calls == 2
    assert gateway.seen[-1].headers["X-Auth-Token"] == "example-token-2"


async def test_a_fresh_token_that_is_refused_is_not_replaced_again(
    gateway: Gateway, clock: Clock
) -> None:
    gateway.revoked.update(f"example-token-{n}" for n in range(10))
    async with api_of(gateway, clock, USER) as api:
        with pytest.raises(errors.AuthenticationFailed):
            await api(READ)
        with pytest.raises(errors.AuthenticationFailed):
            await api(READ)
    assert gateway.iam_calls == 1


async def test_a_refused_password_is_not_tried_again_at_once(
    gateway: Gateway, clock: Clock
) -> None:
    refusal = {"error": {"code": 401, "message": "The username or password is wrong."}}
    gateway.iam = lambda _: httpx.Response(401, json=refusal)
    async with api_of(gateway, clock, USER) as api:
        for _ in range(3):
            with pytest.raises(errors.AuthenticationFailed, match="password is wrong"):
                await api(READ)
        assert gateway.iam_calls == 1
        clock.now += timedelta(minutes=6)
        with pytest.raises(errors.AuthenticationFailed):
            await api(READ)
    assert gateway.iam_calls == 2
    assert not gateway.seen


async def test_an_iam_that_does_not_answer_is_named(gateway: Gateway, clock: Clock) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut", request=request)

    gateway.iam = cut
    async with api_of(gateway, clock, USER) as api:
        with pytest.raises(
            errors.ServiceUnreachable, match=r"IAM at iam\.ap-southeast-3"
        ) as caught:
            await api(Anything(part="p"))
    assert not caught.value.outcome_unknown
    assert not gateway.seen


async def test_a_reply_of_iam_without_a_token_is_named(gateway: Gateway, clock: Clock) -> None:
    gateway.iam = lambda _: httpx.Response(200, json={})
    async with api_of(gateway, clock, USER) as api:
        with pytest.raises(errors.ServiceUnreachable, match="X-Subject-Token"):
            await api(READ)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{}", b"", b'{"token": {"expires_at": 1e99}}'])
async def test_an_odd_body_beside_a_token_costs_its_end_only(
    gateway: Gateway, clock: Clock, body: bytes
) -> None:
    given = {"X-Subject-Token": "token-1"}
    gateway.iam = lambda _: httpx.Response(201, content=body, headers=given)
    async with api_of(gateway, clock, USER) as api:
        await api(READ)
    assert gateway.seen[-1].headers["X-Auth-Token"] == "token-1"


async def test_a_caller_that_gives_up_does_not_block_the_others(
    gateway: Gateway, clock: Clock
) -> None:
    async with api_of(gateway, clock, USER) as api:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await api(READ)
        await api(READ)
    assert len(gateway.seen) == 1
