"""Listening on this machine, and telling whether an address is this machine alone."""

import os
import socket
from ipaddress import ip_address
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Whether *host* is ``localhost`` or an address of the loopback interface."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare.lower() == "localhost"


def listen(host: str = LOOPBACK, port: int = 0, backlog: int = 128) -> socket.socket:
    """A listening socket; port 0 takes a free one. From here on a connection waits, not fails.

    Raises:
        OSError: the address or the port cannot be used.
        OverflowError: *port* is no port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small replies at once only on sockets that say that they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let another program take the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """Where *listener* is reached: ``http://127.0.0.1:8080``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
