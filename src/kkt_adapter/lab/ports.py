"""Loopback ports that stay ours while a process that listens there is killed and started again."""

import socket


class ReservedPort:
    """A port that the kernel gives to nobody else for as long as this object lives.

    A free port that is only looked up may be gone when it is needed: between two starts of a server the
    kernel hands it to another listener, or to an outgoing connection. Here a socket stays bound to it and
    never listens: Linux skips the port when it chooses one, refuses connections to it, and lets a listener
    with SO_REUSEADDR (which servers set) bind to it.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])

    def __del__(self) -> None:
        self._socket.close()
