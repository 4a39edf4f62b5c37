"""A line on standard input that is no message is answered, under its id where one can be read."""

import json
from pathlib import Path
from typing import Any

from .test_serving import _INITIALIZE, started

SURROGATE = (
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"diagnose_server",'
    '"arguments":{"server":"\\udfff"}}}'
)


def answers(state: Path, *lines: str) -> list[dict[str, Any]]:
    """What a server writes until it answers the handshake that follows *lines*."""
    found: list[dict[str, Any]] = []
    with started(state, "serve", "--sandbox") as server:
        assert server.stdin
        assert server.stdout
        for line in (*lines, json.dumps(_INITIALIZE)):
            server.stdin.write(line + "\n")
        server.stdin.flush()
        while not any("result" in each for each in found):
            found.append(json.loads(server.stdout.readline()))
    return found


def test_half_a_surrogate_pair_is_answered_with_what_is_wrong(state: Path) -> None:
    found = answers(state, SURROGATE)
    assert [each["id"] for each in found] == [7, 1]
    assert found[0]["error"]["code"] == -32700
    assert "surrogate" in found[0]["error"]["message"]


def test_broken_json_is_answered_under_its_id_or_null(state: Path) -> None:
    broken = '{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":'
    odd = '{"id":"\\udfff","method":"ping"}'
    found = answers(state, broken, "hello", '{"method": 5}', '{"jsonrpc":"2.0","id":8}', odd)
    told = [(each["id"], each.get("error", {}).get("code")) for each in found]
    nameless = (None, -32700)
    assert told == [("a-1", -32700), nameless, (None, -32600), (8, -32600), nameless, (1, None)]
