"""A watch inside of the server: ``serve --watch``, and what any watch of the account saw last."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import anyio

from sms_tools.errors import SmsToolsError
from sms_tools.moment import utc_now
from sms_tools.operation import JSON
from sms_tools.server.runtime import Runtime
from sms_tools.state import StateError
from sms_tools.wording import count_of, iso

if TYPE_CHECKING:
    from sms_tools.watching.watcher import Watcher

_SLACK: Final = timedelta(seconds=60)
_LOG: Final = logging.getLogger(__name__)


def address_of(account: str | None = None) -> str:
    """The resource of what a watch saw last; of one *account*, where there are several."""
    return f"sms://{account}/watch/latest" if account else "sms://watch/latest"


Told = Callable[[Mapping[str, Any]], Awaitable[None]]


async def keep_watching(runtime: Runtime, every: int, told: Told) -> None:
    """Look every *every* seconds until cancelled; each message goes to *told*.

    Of several servers that share a state one looks; when it is gone, another goes on from its
    last reading.
    """
    from sms_tools.watching.watcher import Watcher

    watcher = Watcher(runtime.desk, str(runtime.settings.account), every, runtime.exit.cleaned)
    holder = token_hex(8)
    try:
        while True:
            try:
                await _one_look(watcher, holder, told)
            except Exception:  # noqa: BLE001 (a watch that fails must not take the server with it)
                _LOG.exception("the watch failed once; it goes on in %s seconds", every)
            await anyio.sleep(every)
    finally:
        with anyio.move_on_after(2, shield=True):
            await _give_up(watcher, holder)


async def _one_look(watcher: "Watcher", holder: str, told: Told) -> None:
    lasts = timedelta(seconds=2 * watcher.every) + _SLACK
    try:
        ours = await watcher.kept.turn(holder, utc_now(), lasts)
    except StateError:
        ours = True  # nobody else can be told apart; a look too many harms less than none
    if not ours:
        watcher.forget()
    elif message := await watcher.look():
        await told(message)


async def _give_up(watcher: "Watcher", holder: str) -> None:
    try:
        await watcher.kept.give_up(holder)
    except StateError as error:
        _LOG.warning("%s", error)


async def latest(runtime: Runtime) -> Mapping[str, JSON]:
    """What a watch of this account saw last, whichever process ran it.

    Raises:
        SmsToolsError: the state cannot be read.
    """
    from sms_tools.fleet.samples import account_of
    from sms_tools.watching.kept import Kept

    found = await Kept(runtime.state, account_of(runtime.settings)).latest()
    if found is None:
        raise SmsToolsError(
            "no watch has run on this account yet.",
            advice="Start `sms-tools watch`, or this server with --watch; ask migration_overview "
            "for the current state.",
        )
    told = count_of(len(found.messages), "message")
    summary = f"{count_of(found.servers, 'server')} at {iso(found.at)}, {told} kept."
    if found.incomplete:
        summary = f"Part of the last reading failed. {summary}"
    return {
        "summary": summary,
        "observed_at": iso(found.at),
        "every_seconds": found.every,
        "next_look_at": iso(found.at + timedelta(seconds=found.every)),
        "incomplete": list(found.incomplete),
        "messages": [dict(message) for message in found.messages],
    }
