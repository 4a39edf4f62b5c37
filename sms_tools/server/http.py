"""The MCP server over HTTP, on loopback."""

from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer

from sms_tools.errors import SettingsError
from sms_tools.loopback import address_of, listen


async def serve_http(
    server: MCPServer[Any], host: str, port: int, ready: Callable[[str], None]
) -> None:
    """Serve streamable HTTP at ``/mcp`` until cancelled; call *ready* with the address.

    Port 0 takes a free one. The SDK refuses foreign ``Host`` and ``Origin`` headers on loopback.

    Raises:
        SettingsError: the port is taken.
    """
    try:
        listener = listen(host, port)
    except OSError as error:
        raise SettingsError(
            f"port {port} on {host} cannot be used: {error.strerror}.",
            advice="Choose another with --port, or --port 0 for a free one.",
        ) from error
    with listener:
        ready(address_of(listener))
        app = server.streamable_http_app(host=host)
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener])
