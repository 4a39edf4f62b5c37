"""What is kept in a folder's state and in a shared one alike, and what only sharing has."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.subscriptions import ResourceUpdated

from sms_tools.guard import Approvals, Audit
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.guard.keys import kept_key
from sms_tools.moment import utc_now
from sms_tools.postgres import PostgresState, adapted
from sms_tools.server.sharing import SharedChanges
from sms_tools.settings import Settings, own_secrets_of, read_settings
from sms_tools.state import Database, State, StateError
from sms_tools.watching.kept import Kept, Look
from sms_tools.watching.noticing import Seen
from tests.both_stores import each_store  # noqa: F401 (its tests hold for both)
from tests.postgres import Cluster
from tests.stores import OpenState

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_what_one_server_keeps_another_reads(open_store: OpenState) -> None:
    one, other = open_store(), open_store()
    await Freezes(one, utc_now).begin(Freeze(NOW, None, "audit week", "ann"))
    found = await Freezes(other, utc_now).now()
    assert found is not None
    assert (found.begins, found.reason, found.who) == (NOW, "audit week", "ann")
    seen = Seen("syncing", offline=None, code=None, fits=True)
    look = Look(NOW, 60, {"1": ("web-01", seen)}, ["part of it"])
    await Kept(one, "here").keep("", look, {"summary": "x"})
    again = await Kept(other, "here").before("", NOW)
    assert again == look


async def test_a_key_is_made_once_for_all_servers(open_store: OpenState) -> None:
    one, other = open_store(), open_store()
    keys = {await kept_key(state, "dialogs") for state in (one, other, one)}
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert await kept_key(one, "page") != await kept_key(one, "dialogs")


async def test_the_audit_is_one_chain_whoever_writes(open_store: OpenState) -> None:
    audits = [Audit(open_store(), utc_now) for _ in range(3)]

    async def write(audit: Audit) -> None:
        for number in range(10):
            await audit.record("call", tool="x", arguments={"number": number})

    async with anyio.create_task_group() as group:
        for audit in audits:
            group.start_soon(write, audit)
    found = await audits[0].verify()
    assert found.lines == 30
    assert not found.problems
    assert await audits[1].head() == await audits[2].head()


async def test_only_one_of_all_servers_applies_a_plan(open_store: OpenState) -> None:
    one, other = open_store(), open_store()
    async with one.alone("plans") as ours:
        assert ours
        async with other.alone("plans") as theirs:
            assert not theirs
        async with other.alone("something-else") as free:
            assert free
    async with other.alone("plans") as now:
        assert now


async def test_a_state_of_a_later_version_is_refused_in_words(open_store: OpenState) -> None:
    newer, older = open_store(), open_store()
    table = "CREATE TABLE part (id TEXT PRIMARY KEY)"
    newer.prepare("part", [table, "CREATE INDEX part_by_id ON part (id)"])
    await newer.write(lambda database: database.execute("SELECT 1"))
    older.prepare("part", [table])
    for use in (older.read, older.write):
        with pytest.raises(StateError, match="later version"):
            await use(lambda database: database.execute("SELECT 1"))


async def test_work_that_fails_leaves_nothing_behind(state: State) -> None:
    state.prepare("part", ["CREATE TABLE part (id TEXT PRIMARY KEY, number INTEGER, share REAL)"])

    def fails(database: Database) -> None:
        database.execute("INSERT INTO part VALUES (?, ?, ?)", ("a", 1, 0.5))
        raise LookupError

    with pytest.raises(LookupError):
        await state.write(fails)
    rows = await state.read(lambda database: database.execute("SELECT * FROM part"))
    assert not rows


async def test_numbers_texts_and_nulls_come_back_as_they_were(state: State) -> None:
    state.prepare("part", ["CREATE TABLE part (id TEXT PRIMARY KEY, number INTEGER, share REAL)"])
    at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC).timestamp()
    values = [("订单 ? % '", 2**62, at), ("b", None, None), ("c", True, 1e-9)]
    await state.write(
        lambda database: database.execute_many("INSERT INTO part VALUES (?, ?, ?)", values)
    )
    query = "SELECT * FROM part WHERE number IS NULL OR number % ? = 0 OR id = ? ORDER BY share"
    rows = await state.read(lambda database: database.execute(query, (2, "c")))
    found = {row["id"]: (row["number"], row["share"]) for row in rows}
    assert found == {"订单 ? % '": (2**62, at), "b": (None, None), "c": (1, 1e-9)}


def test_the_common_sql_is_adapted_and_nothing_else() -> None:
    ddl = "CREATE TABLE t (at INTEGER NOT NULL, share REAL, REALM TEXT) WITHOUT ROWID"
    assert adapted(ddl) == "CREATE TABLE t (at BIGINT NOT NULL, share DOUBLE PRECISION, REALM TEXT)"
    assert adapted("SELECT at % ? FROM t WHERE a = ?") == "SELECT at %% %s FROM t WHERE a = %s"


async def test_a_change_that_one_server_tells_reaches_the_clients_of_all(cluster: Cluster) -> None:
    url = cluster.database()
    states = [PostgresState(_nowhere(), url) for _ in range(2)]
    one, other = (SharedChanges(state) for state in states)
    heard: list[Any] = []
    arrived = anyio.Event()

    def listen(event: Any) -> None:
        heard.append(event)
        arrived.set()

    other.subscribe(listen)
    async with other.heard():
        with anyio.fail_after(30):
            while not arrived.is_set():  # the other may not have begun to listen
                await one.publish(ResourceUpdated("sms://watch/latest"))
                with anyio.move_on_after(0.2):
                    await arrived.wait()
    assert heard[0] == ResourceUpdated("sms://watch/latest")
    for state in states:
        state.close()


def _nowhere() -> Path:
    """No part of a shared state needs the folder."""
    return Path("/nonexistent")


async def test_a_database_that_is_down_is_said_in_words_and_comes_back(cluster: Cluster) -> None:
    url = cluster.database()
    state = PostgresState(_nowhere(), url)
    approvals = Approvals(state, utc_now)
    assert not await approvals.waiting()
    cluster.stop()
    try:
        with pytest.raises(StateError, match="the shared state"):
            await approvals.waiting()
        assert await state.fault() is not None
    finally:
        cluster.start()
    assert not await approvals.waiting()
    assert await state.fault() is None
    state.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"database": "none_of_this_name"}, "does not exist"),
        ({"port": 1}, "does not answer"),
    ],
    ids=str,
)
async def test_a_wrong_address_is_said_without_its_password(
    cluster: Cluster, change: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    port, database = change.get("port", cluster.port), change.get("database", "postgres")
    url = f"postgresql://tester:example-password@127.0.0.1:{port}/{database}"
    state = PostgresState(_nowhere(), url)
    with pytest.raises(StateError, match=said) as caught:
        await state.read(lambda database: database.execute("SELECT 1"))
    assert "example-password" not in f"{caught.value} {caught.value.advice}"
    assert "SMS_TOOLS_STATE_URL" in caught.value.advice
    assert "SMS_TOOLS_STATE_DIR" not in caught.value.advice
    state.close()
    assert not [each for each in caplog.records if each.name.startswith("psycopg")]


def test_the_password_of_the_address_is_one_of_the_server_s_secrets() -> None:
    environment = {"SMS_TOOLS_STATE_URL": "postgresql://ann:example%20word@db.example/sms"}
    assert {"example%20word", "example word"} <= set(own_secrets_of(environment))
    settings, problems = read_settings(environment)
    assert not problems
    assert "example" not in repr(settings)
    _, problems = read_settings({"SMS_TOOLS_STATE_URL": "mysql://ann:example-word@db/sms"})
    assert "is no address" in str(problems[0])
    assert "example-word" not in str(problems[0])
    assert Settings().state_url is None


async def test_readers_do_not_wait_for_somebody_who_writes(open_store: OpenState) -> None:
    one, other = open_store(), open_store()
    await kept_key(one, "first")
    holding, release = threading.Event(), threading.Event()

    def slow(database: Database) -> None:
        database.execute("UPDATE server_keys SET purpose = purpose")
        holding.set()
        release.wait(60)

    async with anyio.create_task_group() as group:
        group.start_soon(one.write, slow)
        await anyio.to_thread.run_sync(holding.wait, 30)
        try:
            query = "SELECT * FROM server_keys"
            assert len(await other.read(lambda database: database.execute(query))) == 1
            with pytest.raises(StateError, match="2 seconds"):
                await other.write(lambda database: database.execute(query))
        finally:
            release.set()
