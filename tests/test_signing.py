"""The signature, beside the vendor's own signer as an independent witness."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.signing import (
    MAX_SIGNED_BODY,
    Authorization,
    Facts,
    KeyPair,
    parse_authorization,
    sign,
    verify,
)

KEY = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")
NOW = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
HOST = "sms.ap-southeast-3.myhuaweicloud.com"

TEXT = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + string.digits + " %+&=/?#~;:@!$'()*,[]-._äé日本\t"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
SEGMENTS = st.lists(TEXT.filter(lambda text: text not in (".", "..")), max_size=4)
QUERY = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=6)
BODY = st.one_of(
    st.just(b""),
    st.binary(max_size=64),
    st.integers(1, 200).map(lambda n: b'{"name":"' + b"x" * n * 1024 + b'"}'),
)
HEADER_VALUE = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20)


def encoded(text: str) -> str:
    return quote(text, safe="~")


def target_of(segments: list[str], query: list[tuple[str, str]]) -> str:
    path = "/" + "/".join(encoded(segment) for segment in segments)
    pairs = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query)
    return f"{path}?{pairs}" if query else path


def facts_of(
    target: str = "/v3/tasks?limit=2",
    body: bytes = b"",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Facts:
    common = {"Host": HOST, "Content-Type": "application/json"}
    return Facts("GET", target, {**common, **headers}, body)


def sent(facts: Facts, key: KeyPair = KEY, now: datetime = NOW) -> Facts:
    """The request as it arrives: with the signature's headers."""
    return Facts(facts.method, facts.target, {**facts.headers, **sign(facts, key, now)}, facts.body)


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    segments=SEGMENTS,
    query=QUERY,
    body=BODY,
    token=st.none() | HEADER_VALUE,
    project=st.none() | HEADER_VALUE,
)
def test_the_official_signer_gives_the_same_signature(
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    body: bytes,
    token: str | None,
    project: str | None,
) -> None:
    headers = {"Host": HOST, "Content-Type": "application/json"}
    if project:
        headers["X-Project-Id"] = project
    key = KeyPair(KEY.access_key, KEY.secret_key, token)

    target = target_of(segments, query)
    ours = sign(Facts(method, target, headers, body), key, NOW)

    request = SdkRequest(
        method=method,
        schema="https",
        host=HOST,
        resource_path=target.partition("?")[0],
        query_params=list(query),
        header_params={**headers, "X-Sdk-Date": "20260301T123005Z"},
        body=body,
    )
    if token:
        request.header_params["X-Security-Token"] = token
    Signer(BasicCredentials(KEY.access_key, KEY.secret_key, "project")).sign(request)

    assert ours["Authorization"] == request.header_params["Authorization"]
    assert ours["X-Sdk-Date"] == request.header_params["X-Sdk-Date"]


@settings(max_examples=100, deadline=None)
@given(segments=SEGMENTS, query=QUERY, body=BODY)
def test_what_is_signed_is_accepted_and_nothing_else(
    segments: list[str], query: list[tuple[str, str]], body: bytes
) -> None:
    request = sent(facts_of(target_of(segments, query), body))
    assert verify(request, KEY, NOW) is None

    other = Facts(request.method, request.target, request.headers, body + b" ")
    assert verify(other, KEY, NOW) == "the signature does not match the request"
    elsewhere = Facts(request.method, "/other" + request.target, request.headers, body)
    assert verify(elsewhere, KEY, NOW) == "the signature does not match the request"


def test_repeated_parameters_count_in_any_order() -> None:
    request = sent(facts_of("/v3/tasks?b=2&a=3&a=1&a="))
    shuffled = Facts(request.method, "/v3/tasks?a=&a=1&a=3&b=2", request.headers)
    assert verify(shuffled, KEY, NOW) is None


def test_a_large_body_is_signed_whole() -> None:
    body = b"x" * (MAX_SIGNED_BODY - 1)
    request = sent(facts_of(body=body))
    assert verify(request, KEY, NOW) is None
    changed = Facts(request.method, request.target, request.headers, body[:-1] + b"y")
    assert verify(changed, KEY, NOW) == "the signature does not match the request"


def test_a_body_over_12_mb_does_not_count_as_signed() -> None:
    request = sent(facts_of(body=b"x" * (MAX_SIGNED_BODY + 1)))
    assert verify(request, KEY, NOW) == "the body is larger than 12 MB, which needs a token"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_more_than_15_minutes_off_is_named(minutes: int) -> None:
    request = sent(facts_of())
    assert "15 minutes" in str(verify(request, KEY, NOW + timedelta(minutes=minutes)))
    assert verify(request, KEY, NOW + timedelta(minutes=minutes * 14 / 16)) is None


def test_a_date_in_another_form_is_refused() -> None:
    request = sent(facts_of())
    headers = {**request.headers, "X-Sdk-Date": "yesterday"}
    assert "X-Sdk-Date" in str(verify(Facts("GET", request.target, headers), KEY, NOW))


def test_another_key_is_refused() -> None:
    request = sent(facts_of())
    assert "unknown" in str(verify(request, KeyPair("OTHER", "example-secret-key"), NOW))
    other_secret = KeyPair(KEY.access_key, "another-secret-key")
    assert "does not match" in str(verify(request, other_secret, NOW))


def test_a_temporary_key_needs_its_token() -> None:
    temporary = KeyPair(KEY.access_key, KEY.secret_key, "example-token")
    request = sent(facts_of(), temporary)
    assert verify(request, temporary, NOW) is None
    assert "X-Security-Token" in str(verify(request, KEY, NOW))
    assert "X-Security-Token" in str(verify(sent(facts_of()), temporary, NOW))


def test_without_a_key_any_well_formed_signature_is_accepted() -> None:
    request = sent(facts_of(), KeyPair("ANYBODY", "anything"))
    assert verify(request, None, NOW) is None


@pytest.mark.parametrize("removed", ["host", "x-sdk-date"])
def test_host_and_date_have_to_be_signed(removed: str) -> None:
    request = sent(facts_of())
    authorization = request.headers["Authorization"]
    names = parse_authorization(authorization)
    assert names is not None
    kept = ";".join(name for name in names.signed_headers if name != removed)
    weakened = authorization.replace(";".join(names.signed_headers), kept)
    headers = {**request.headers, "Authorization": weakened}
    assert verify(Facts("GET", request.target, headers), None, NOW) == f"not signed: {removed}"


def test_a_header_that_was_signed_has_to_arrive() -> None:
    request = sent(facts_of(headers={"X-Project-Id": "p"}))
    headers = {k: v for k, v in request.headers.items() if k != "X-Project-Id"}
    problem = verify(Facts("GET", request.target, headers), KEY, NOW)
    assert problem == "signed but not sent: x-project-id"


def test_a_hash_that_stands_for_the_body_has_to_be_its_hash() -> None:
    request = sent(facts_of(body=b"one", headers={"X-Sdk-Content-Sha256": "0" * 64}))
    assert verify(request, KEY, NOW) == "X-Sdk-Content-Sha256 is not the hash of the body"
    unsigned = sent(facts_of(body=b"one", headers={"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}))
    assert verify(unsigned, KEY, NOW) is None


@pytest.mark.parametrize(
    "text", ["", "Bearer abc", "SDK-HMAC-SHA256 Access=a", "SDK-HMAC-SHA256 Access=a, Signature=b"]
)
def test_other_authorization_headers_are_not_taken_for_a_signature(text: str) -> None:
    assert parse_authorization(text) is None
    assert "well-formed" in str(verify(facts_of(headers={"Authorization": text}), None, NOW))


def test_an_authorization_header_is_read_into_its_parts() -> None:
    text = f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature={'a' * 64}"
    assert parse_authorization(text) == Authorization("AK", ["host", "x-sdk-date"], "a" * 64)


def test_a_key_pair_does_not_show_its_secrets() -> None:
    shown = repr(KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key", "example-token"))
    assert "secret" not in shown
    assert "token" not in shown.replace("security_token", "")
