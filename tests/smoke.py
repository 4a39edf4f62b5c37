"""Start an installed ``sms-tools`` once and let it answer: the check of the wheel in CI.

Usage: python smoke.py PATH-TO-sms-tools. Exits with a message if anything is missing.
"""

import os
import sys

import anyio
from mcp import Client, StdioServerParameters


async def main(command: str) -> None:
    """List the tools, the prompts and one answer, over stdio, within a minute."""
    server = StdioServerParameters(
        command=command, args=["serve", "--sandbox"], env=dict(os.environ)
    )
    with anyio.fail_after(60):
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            prompts = (await client.list_prompts()).prompts
            answer = await client.call_tool("migration_overview", {})
    if len(tools) < 63 or not prompts or answer.is_error:
        sys.exit(f"{len(tools)} tools, {len(prompts)} prompts, overview: {answer.content}")
    print(f"the installed server offers {len(tools)} tools and {len(prompts)} prompts, and answers")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
