import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest

from sms_tools.sandbox.gateway import DeniedError, Gateway
from sms_tools.sandbox.iam import TOKEN_SECONDS, Iam, User
from sms_tools.sandbox.wire import RawRequest
from sms_tools.signing import MAX_SIGNED_BODY, Facts, KeyPair, sign

KEY = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = NOON.timestamp()

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def watch() -> Watch:
    return Watch()


def signed(
    *,
    key: KeyPair = KEY,
    at: datetime = NOON,
    path: str = "/v3/tasks",
    query: str = "limit=10&name=caf%C3%A9",
    body: bytes = b"",
) -> RawRequest:
    headers = {"host": "sms.example", "content-type": "application/json"}
    target = f"{path}?{query}" if query else path
    added = sign(Facts("GET", target, headers, body), key, at)
    everything = {**headers, **{name.lower(): value for name, value in added.items()}}
    return RawRequest("GET", path, query, everything, body)


def with_header(request: RawRequest, name: str, value: str | None) -> RawRequest:
    headers = {k: v for k, v in request.headers.items() if k != name}
    if value is not None:
        headers[name] = value
    return RawRequest(request.method, request.path, request.query, headers, request.body)


def with_token(token: str) -> RawRequest:
    return RawRequest("GET", "/v3/tasks", headers={"x-auth-token": token})


def gateway(watch: Watch, key: KeyPair | None = KEY, iam: Iam | None = None) -> Gateway:
    return Gateway(watch, iam or Iam(watch), key)


def refusal(gate: Gateway, request: RawRequest) -> DeniedError:
    with pytest.raises(DeniedError) as caught:
        gate.admit(request)
    return caught.value


def test_a_request_signed_with_the_configured_key_is_let_through(watch: Watch) -> None:
    gateway(watch).admit(signed())


def test_a_request_signed_with_another_secret_is_refused(watch: Watch) -> None:
    denied = refusal(gateway(watch), signed(key=KeyPair(KEY.access_key, "another-secret")))
    assert (denied.status, denied.code) == (HTTPStatus.UNAUTHORIZED, "APIGW.0301")
    assert "verify aksk signature fail" in denied.message


def test_a_request_that_was_changed_on_the_way_is_refused(watch: Watch) -> None:
    request = signed()
    changed = RawRequest("GET", request.path, "limit=11", request.headers)
    assert "verify aksk signature fail" in refusal(gateway(watch), changed).message


def test_an_unknown_access_key_is_named_in_the_refusal(watch: Watch) -> None:
    denied = refusal(gateway(watch), signed(key=KeyPair("OTHER-KEY", KEY.secret_key)))
    assert denied.code == "APIGW.0301"
    assert "ak:OTHER-KEY,err:ak not exist" in denied.message


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_dated_more_than_fifteen_minutes_off_is_refused(
    watch: Watch, minutes: int
) -> None:
    denied = refusal(gateway(watch), signed(at=NOON + timedelta(minutes=minutes)))
    assert "15 minutes" in denied.message


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_signature_dated_less_than_fifteen_minutes_off_counts(watch: Watch, minutes: int) -> None:
    gateway(watch).admit(signed(at=NOON + timedelta(minutes=minutes)))


def test_a_temporary_key_needs_its_security_token(watch: Watch) -> None:
    temporary = KeyPair(KEY.access_key, KEY.secret_key, "example-security-token")
    gate = gateway(watch, temporary)
    gate.admit(signed(key=temporary))
    assert refusal(gate, signed(key=KEY)).status == HTTPStatus.UNAUTHORIZED


def test_without_a_configured_key_any_well_formed_signature_counts(watch: Watch) -> None:
    gate = gateway(watch, key=None)
    gate.admit(signed(key=KeyPair("ANY", "secret"), at=NOON - timedelta(days=400)))
    for text in ("", "Basic abc", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=xyz"):
        denied = refusal(gate, with_header(signed(), "authorization", text))
        assert denied.code == "APIGW.0301"


@pytest.mark.parametrize("name", ["x-sdk-date", "host", "content-type"])
def test_a_signed_header_that_is_not_there_is_named(watch: Watch, name: str) -> None:
    for key in (KEY, None):
        denied = refusal(gateway(watch, key=key), with_header(signed(), name, None))
        assert denied.message.endswith(f"not sent: {name}")


def test_a_request_without_any_identity_is_refused(watch: Watch) -> None:
    denied = refusal(gateway(watch, key=None), RawRequest("GET", "/v3/tasks"))
    assert (denied.status, denied.code) == (HTTPStatus.UNAUTHORIZED, "APIGW.0301")
    assert "x-auth-token not found" in denied.message


def test_a_signed_body_over_twelve_megabytes_is_refused(watch: Watch) -> None:
    gate = gateway(watch)
    gate.admit(signed(body=b"x" * MAX_SIGNED_BODY))
    large = signed(body=b"x" * (MAX_SIGNED_BODY + 1))
    assert refusal(gate, large).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    announced = with_header(signed(), "content-length", str(MAX_SIGNED_BODY + 1))
    assert refusal(gate, announced).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_large_body_passes_with_a_token(watch: Watch) -> None:
    iam = Iam(watch, ready_tokens=["example-token"])
    body = b"x" * (MAX_SIGNED_BODY + 1)
    headers = {"x-auth-token": "example-token"}
    gateway(watch, iam=iam).admit(RawRequest("POST", "/v3/tasks", "", headers, body))


def test_a_token_that_nobody_issued_is_refused(watch: Watch) -> None:
    denied = refusal(gateway(watch), with_token("invented"))
    assert denied.code == "APIGW.0301"
    assert "decrypt token fail" in denied.message


TOKEN_REQUEST = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {
                "user": {
                    "name": "operator",
                    "password": "example-password",
                    "domain": {"name": "example"},
                }
            },
        },
        "scope": {"project": {"name": "ap-southeast-3"}},
    }
}


def token_from(iam: Iam) -> str:
    status, _, headers = iam.issue(json.dumps(TOKEN_REQUEST).encode())
    assert status == HTTPStatus.CREATED
    return headers["x-subject-token"]


def test_an_issued_token_counts_for_its_24_hours_and_then_no_more(watch: Watch) -> None:
    iam = Iam(watch)
    gate, token = gateway(watch, iam=iam), token_from(iam)
    watch.moment += TOKEN_SECONDS - 1
    gate.admit(with_token(token))
    watch.moment += 1
    denied = refusal(gate, with_token(token))
    assert denied.status == HTTPStatus.UNAUTHORIZED
    assert "token expires, expires_at: 2026-03-02T12:00:00" in denied.message


def test_revoked_tokens_count_no_more(watch: Watch) -> None:
    iam = Iam(watch)
    gate, token = gateway(watch, iam=iam), token_from(iam)
    iam.revoke()
    assert refusal(gate, with_token(token)).status == HTTPStatus.UNAUTHORIZED


def test_a_token_tells_when_it_ends_and_what_it_is_for(watch: Watch) -> None:
    _, project, _ = Iam(watch).issue(json.dumps(TOKEN_REQUEST).encode())
    assert project["token"]["expires_at"] == "2026-03-02T12:00:00.000000Z"
    assert project["token"]["project"]["name"] == "ap-southeast-3"
    beside = {"auth": {"identity": TOKEN_REQUEST["auth"]["identity"]}}
    beside["scope"] = {"domain": {"name": "example"}}
    _, domain, _ = Iam(watch).issue(json.dumps(beside).encode())
    assert domain["token"]["domain"]["name"] == "example"
    assert "project" not in domain["token"]


def test_iam_with_a_known_user_refuses_a_wrong_password(watch: Watch) -> None:
    right = Iam(watch, User("operator", "example-password", "example"))
    wrong = Iam(watch, User("operator", "another", "example"))
    request = json.dumps(TOKEN_REQUEST).encode()
    assert right.issue(request)[0] == HTTPStatus.CREATED
    status, body, headers = wrong.issue(request)
    assert status == HTTPStatus.UNAUTHORIZED
    assert body["error"]["title"] == "Unauthorized"
    assert not headers


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"auth": 7}', b"\xff"])
def test_iam_refuses_a_request_that_it_cannot_read(watch: Watch, content: bytes) -> None:
    assert Iam(watch).issue(content)[0] == HTTPStatus.BAD_REQUEST
