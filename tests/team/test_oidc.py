"""Access tokens of a provider: the good ones, and everything that only looks like one."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from sms_tools.errors import SettingsError
from sms_tools.guard.people import Role
from sms_tools.login.oidc import Keys, OidcVerifier, Provider, checked_issuer
from sms_tools.server.runtime import person_of

from .issuing import AUDIENCE, ISSUER, Issuer

pytestmark = pytest.mark.anyio


class Ticks:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def verifier(issuer: Issuer, ticks: Ticks) -> OidcVerifier:
    keys = Keys(ISSUER, transport=issuer.transport(), elapsed=ticks)
    return OidcVerifier(Provider(ISSUER, AUDIENCE), keys)


async def test_a_good_token_says_who_it_is_and_what_they_may(
    issuer: Issuer, verifier: OidcVerifier
) -> None:
    found = await verifier.verify_token(issuer.token())
    person = person_of(found)
    assert person is not None
    assert person.name == "olga"
    assert person.roles == {Role.VIEWER, Role.OPERATOR}


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "another-service"},
        {"aud": ["another-service", "a-third"]},
        {"aud": None},
        {"iss": "https://id.evil.example"},
        {"iss": f"{ISSUER}/"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"nbf": int(time.time()) + 600},
        {"sub": None},
        {"typ": "logout+jwt"},
        {"kid": "nobody's"},
    ],
    ids=str,
)
async def test_what_is_not_meant_for_us_or_over_does_not_count(
    issuer: Issuer, verifier: OidcVerifier, more: dict[str, Any]
) -> None:
    assert await verifier.verify_token(issuer.token(**more)) is None


@pytest.mark.parametrize(("said", "name"), [("o-1", "o-1"), (None, None), ("", None), (7, None)])
async def test_a_person_goes_by_the_claim_that_is_set(
    issuer: Issuer, ticks: Ticks, said: Any, name: str | None
) -> None:
    keys = Keys(ISSUER, transport=issuer.transport(), elapsed=ticks)
    verifier = OidcVerifier(Provider(ISSUER, AUDIENCE, subject_claim="oid"), keys)
    found = await verifier.verify_token(issuer.token(oid=said))
    assert (found.subject if found else None) == name


@pytest.mark.parametrize("late", [-30, 30])
async def test_clocks_may_differ_by_a_minute(
    issuer: Issuer, verifier: OidcVerifier, late: int
) -> None:
    now = int(time.time())
    token = issuer.token(exp=now + late, nbf=now - late)
    assert await verifier.verify_token(token) is not None


def unsigned(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), "", algorithm="none", headers={"kid": "first"})


def signed_with_what_everybody_knows(issuer: Issuer) -> str:
    import base64
    import hashlib
    import hmac
    import json

    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    head = part({"alg": "HS256", "kid": "first", "typ": "at+jwt"})
    body = f"{head}.{part(issuer.claims(roles=['approver']))}"
    mac = hmac.new(issuer.public_pem(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def of_another_provider(issuer: Issuer) -> str:
    del issuer
    return Issuer().token()


def changed(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    _, body, _ = issuer.token(roles=["approver"]).split(".")
    return f"{head}.{body}.{signature}"


@pytest.mark.parametrize(
    "forge", [unsigned, signed_with_what_everybody_knows, of_another_provider, changed]
)
async def test_a_forged_token_does_not_count(
    issuer: Issuer, verifier: OidcVerifier, forge: Callable[[Issuer], str]
) -> None:
    assert await verifier.verify_token(forge(issuer)) is None


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 5000, "é.è.ê", "a.b", "..", "null"])
async def test_what_is_no_token_does_not_count(verifier: OidcVerifier, text: str) -> None:
    assert await verifier.verify_token(text) is None


async def test_a_new_key_is_found_and_a_stranger_s_key_is_not_looked_for_at_each_request(
    issuer: Issuer, verifier: OidcVerifier, ticks: Ticks
) -> None:
    assert await verifier.verify_token(issuer.token()) is not None
    assert issuer.reads == 1
    for _ in range(5):
        await verifier.verify_token(issuer.token(kid="nobody's"))
    assert issuer.reads == 1
    issuer.rotate("second")
    ticks.now += 31
    assert await verifier.verify_token(issuer.token()) is not None
    assert issuer.reads == 2


async def test_a_key_that_was_withdrawn_stops_counting(
    issuer: Issuer, verifier: OidcVerifier, ticks: Ticks
) -> None:
    old = issuer.token()
    assert await verifier.verify_token(old) is not None
    issuer.rotate("second")
    ticks.now += 601
    assert await verifier.verify_token(old) is None


async def test_a_provider_that_is_down_keeps_known_keys_and_lets_no_stranger_in(
    issuer: Issuer, verifier: OidcVerifier, ticks: Ticks
) -> None:
    token = issuer.token()
    issuer.down = True
    assert await verifier.verify_token(token) is None
    issuer.down = False
    ticks.now += 31
    assert await verifier.verify_token(token) is not None
    issuer.down = True
    ticks.now += 601
    assert await verifier.verify_token(token) is not None
    assert await verifier.verify_token(issuer.token(kid="new")) is None


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("roles", {"roles": "viewer approver"}, {"viewer", "approver"}),
        ("realm_access.roles", {"realm_access": {"roles": ["operator"]}}, {"operator"}),
        ("groups", {"groups": ["admins", "viewer"]}, {"viewer"}),
        ("roles", {"roles": {"viewer": True}}, {"viewer"}),
        ("roles", {"roles": 7}, set()),
        ("roles.deep", {"roles": ["viewer"]}, set()),
        ("absent", {}, set()),
    ],
)
def test_roles_stand_where_the_provider_puts_them(
    claim: str, claims: dict[str, Any], roles: set[str]
) -> None:
    found = Provider(ISSUER, AUDIENCE, roles_claim=claim).roles_of(claims)
    assert {str(role) for role in found} == roles


@pytest.mark.parametrize(
    "address",
    [
        "id.example.com",
        "ftp://id.example.com",
        "http://id.example.com",
        "https://",
        "",
        "https://[",
        "https://id.example.com?a",
    ],
)
def test_an_issuer_that_anybody_could_be_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        checked_issuer(address)
    assert checked_issuer("http://127.0.0.1:9000") == "http://127.0.0.1:9000"
