"""The catalogue, the questions, the plans and the prompts as one MCP server.

This package and the command line's demo are the only code that knows of MCP.
"""

from sms_tools.server.build import ToolServer, build_server
from sms_tools.server.runtime import Runtime, open_runtime, open_runtimes

__all__ = ["Runtime", "ToolServer", "build_server", "open_runtime", "open_runtimes"]
