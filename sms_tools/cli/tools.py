"""``sms-tools tools``: every tool with its kind, area, size, and what the policy does with it."""

import argparse
import json
from typing import Any

from sms_tools.cli.options import add_tool_options, policy_of
from sms_tools.guard import Policy
from sms_tools.guard.policy import effect
from sms_tools.operation import Kind
from sms_tools.server.offer import Offered, offered_tools


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--json", action="store_true", help="as JSON")
    add_tool_options(command)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    policy = policy_of(options)
    tools = offered_tools(options.tools)
    total = sum(tool.size for tool in tools)
    rows = [_row(tool, policy) for tool in tools]
    if options.json:
        print(json.dumps({"tools": rows, "bytes": total}, indent=2, ensure_ascii=False))
        return 0
    for row in rows:
        policies = "/".join(dict.fromkeys(row["policy"].values()))
        kind = f"{row['kind']}{'*' if row['by_value'] else ''}"
        print(
            f"{row['name']:34} {kind:12} {policies:12} {row['area']:15}"
            f" {row['bytes']:6,}  {row['request']}"
        )
    print(f"{len(rows)} tools, {total:,} bytes of names, descriptions and input schemas")
    print("* the arguments decide: at worst as shown, write at best")
    return 0


def _row(tool: Offered, policy: Policy) -> dict[str, Any]:
    kinds = (Kind.WRITE, tool.kind) if tool.by_value else (tool.kind,)
    return {
        "name": tool.name,
        "title": tool.title,
        "area": tool.area,
        "kind": str(tool.kind),
        "by_value": tool.by_value,
        "policy": {str(k): str(v) for k, v in effect(tool.name, kinds, policy).items()},
        "request": tool.request,
        "bytes": tool.size,
    }
