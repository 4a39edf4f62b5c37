"""``sms-tools tools``: every tool with its kind, area, size, and what the policy does with it."""

import argparse
import json

from sms_tools.cli.common import add_tool_options, policy_of
from sms_tools.server.offer import Offered, offered_tools


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--json", action="store_true", help="as JSON")
    add_tool_options(command)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    policy = policy_of(options)
    rows = [
        {
            "name": tool.name,
            "title": tool.title,
            "area": tool.area,
            "kind": str(tool.kind),
            "policy": policy.effect(tool.name, tool.kind),
            "request": tool.request,
            "bytes": size(tool),
        }
        for tool in offered_tools(options.tools)
    ]
    total = sum(size(tool) for tool in offered_tools(options.tools))
    if options.json:
        print(json.dumps({"tools": rows, "bytes": total}, indent=2))
        return 0
    for row in rows:
        print(
            f"{row['name']:34} {row['kind']:12} {row['policy']:6} {row['area']:15}"
            f" {row['bytes']:6,}  {row['request']}"
        )
    print(f"{len(rows)} tools, {total:,} bytes of names, descriptions and input schemas")
    return 0


def size(tool: Offered) -> int:
    """Bytes that *tool* takes in a conversation: name, description and input schema."""
    shown = {"name": tool.name, "description": tool.description, "inputSchema": tool.parameters}
    return len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
