"""Which state a server uses: a folder's own, or a database that several servers share."""

from pathlib import Path

from sms_tools.state import State


def open_state(folder: Path, url: str | None = None) -> State:
    """The state in *folder*, or in the PostgreSQL database at *url*.

    Nothing is opened before it is needed.
    """
    if url is None:
        return State(folder)
    from sms_tools.postgres import PostgresState  # a team's alone

    return PostgresState(folder, url)
