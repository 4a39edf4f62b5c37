"""The accounts of one server, each with its runtime, and who may use which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from sms_tools.server.dialog import AnyContext
from sms_tools.server.refusals import no_such
from sms_tools.server.runtime import Runtime, name_in, token_in

if TYPE_CHECKING:
    from sms_tools.account_file import Entry


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one server, each with its runtime."""

    entries: "Mapping[str, Entry]"
    runtimes: Mapping[str, Runtime]

    @property
    def first(self) -> Runtime:
        """One of them, for what is the same in all."""
        return next(iter(self.runtimes.values()))

    @property
    def open(self) -> Mapping[str, Runtime]:
        """Those that everybody may use who may call the server."""
        return {name: each for name, each in self.runtimes.items() if self.entries[name].admits()}

    def admitted(self, request: Any) -> Mapping[str, Runtime]:
        """Those that the sender of *request* may use.

        Without HTTP nobody logs in: whoever started the server has all the keys already.
        """
        if request is None and self.first.transport != "http":
            return self.runtimes
        token = token_in(request)
        who = (name_in(token),) if token else ()
        return {
            name: runtime
            for name, runtime in self.runtimes.items()
            if self.entries[name].admits(*who)
        }

    def chosen(self, account: str, context: AnyContext) -> Runtime:
        """The runtime of *account*, for whoever asks in *context*.

        Raises:
            ResourceNotFoundError: there is none, or not for them.
        """
        usable = self.admitted(getattr(context.request_context, "request", None))
        if account not in usable:
            raise ResourceNotFoundError(no_such("account", account, usable))
        return usable[account]
