"""The socket of a server: it is bound before anything starts, and one server alone can listen on its port.

Several processes of one server each have a socket of their own on the port (SO_REUSEPORT), and the system spreads the
connections over those that listen. Their parent has bound the port without listening, and without that option: so no
other server gets it meanwhile.
"""

import socket

from enginehouse.cli.errors import CommandError
from enginehouse.settings import Settings


def bind(settings: Settings, *, is_shared: bool = False) -> socket.socket:
    """Returns the bound socket; `is_shared`: others of the same server have the port too. Raises CommandError."""
    host, port = settings.host, settings.port
    listener = None
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        # Two servers can bind the same port before one listens. Only one of them can listen.
    except OSError as error:
        if listener is not None:
            listener.close()
        raise CommandError(
            f"The server cannot listen on {host}:{port}: {error.strerror or error}. Choose another port with --port; "
            "0 means any free one."
        ) from None
    return listener
