"""The MCP server over HTTP, on loopback."""

import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer

from sms_tools.errors import SettingsError


async def serve_http(
    server: MCPServer[Any], host: str, port: int, ready: Callable[[str], None]
) -> None:
    """Serve streamable HTTP at ``/mcp`` until cancelled; call *ready* with the address.

    Port 0 takes a free one. The SDK refuses foreign ``Host`` and ``Origin`` headers on loopback.

    Raises:
        SettingsError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} on {host} cannot be used: {error.strerror}.",
                advice="Choose another with --port, or --port 0 for a free one.",
            ) from error
        listener.listen()  # from here on a connection waits instead of failing
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listener.getsockname()[1]}")
        app = server.streamable_http_app(host=host)
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener])
