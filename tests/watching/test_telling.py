"""Messages to a webhook: signed, bounded, repeated where that helps, harmless as text."""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from sms_tools.errors import SettingsError
from sms_tools.watching.forms import FORMS, body_of
from sms_tools.watching.telling import SIGNATURE, NotTold, checked_address, tell

pytestmark = pytest.mark.anyio

MESSAGE: dict[str, Any] = {
    "summary": "1 server failed.",
    "account": "sandbox",
    "observed_at": "2026-01-01T00:00:00Z",
    "notices": [
        {"what": "failed", "name": "<!channel> [x](http://e)", "id": "1", "detail": "SMS.1"}
    ],
    "incomplete": [],
}


class Receiver:
    """Answers with one status after the other, and keeps what arrived."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.got, self.waits = list(statuses), list[httpx.Request](), list[float]()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    @property
    def transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            self.got.append(request)
            return httpx.Response(self.statuses.pop(0))

        return httpx.MockTransport(answer)


async def told(receiver: Receiver, *, signed: bool = True) -> None:
    body = body_of(MESSAGE, "json")
    address = "https://hook.example/x"
    secret = "example" if signed else ""
    await tell(address, body, secret, sleep=receiver.sleep, transport=receiver.transport)


async def test_the_body_is_signed_under_the_secret() -> None:
    receiver = Receiver(200)
    await told(receiver)
    request = receiver.got[0]
    wanted = hmac.new(b"example", request.content, hashlib.sha256).hexdigest()
    assert request.headers[SIGNATURE] == f"sha256={wanted}"
    assert json.loads(request.content) == MESSAGE


async def test_without_a_secret_nothing_pretends_to_be_signed() -> None:
    receiver = Receiver(204)
    await told(receiver, signed=False)
    assert SIGNATURE not in receiver.got[0].headers


async def test_what_may_pass_is_tried_again_with_growing_pauses() -> None:
    receiver = Receiver(503, 429, 200)
    await told(receiver)
    assert len(receiver.got) == 3
    assert receiver.waits == sorted(receiver.waits)


@pytest.mark.parametrize(("statuses", "tries"), [((400,), 1), ((500, 500, 500, 500), 4)])
async def test_what_does_not_get_through_is_said_without_the_address(
    statuses: tuple[int, ...], tries: int
) -> None:
    receiver = Receiver(*statuses)
    with pytest.raises(NotTold) as caught:
        await told(receiver)
    assert len(receiver.got) == tries
    assert "hook.example" not in f"{caught.value} {caught.value.advice}"


@pytest.mark.parametrize("form", [each for each in FORMS if each != "json"])
def test_a_chats_form_carries_the_name_as_mere_text(form: Any) -> None:
    body = body_of(MESSAGE, form).decode()
    assert "1 server failed." in body
    assert "<!channel>" not in body
    assert "](http" not in body


@pytest.mark.parametrize("address", ["", "hook", "ftp://h/x", "http://hook.example/x"])
def test_an_address_that_is_none_or_in_clear_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        checked_address(address)


def test_loopback_may_be_plain() -> None:
    assert checked_address(" http://127.0.0.1:9/x ") == "http://127.0.0.1:9/x"
