"""Whether the other side of a connection has closed it, asked of the system.

The event loop hears of it some turns later: it looks at the sockets once a turn, and reads an end as it reads
bytes. The state of the TCP connection is asked for, because Python keeps its global lock meanwhile, which a
look with ``poll`` gives away and gets back late under load.
"""

import socket
import sys
from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any, Final

ESTABLISHED: Final = 1
SYN_RECEIVED: Final = 3
"""States in which nobody has closed (Linux, include/net/tcp_states.h); the first byte of ``TCP_INFO``."""


def asked_of(transport: BaseTransport) -> Callable[[], bool] | None:
    """Asks whether the client of ``transport`` has closed; for as long as that is open.

    None: the system cannot say. Over TLS the end is a message within the conversation.
    """
    if sys.platform != "linux" or transport.get_extra_info("ssl_object") is not None:
        return None
    connection: Any = transport.get_extra_info("socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    ask = connection.getsockopt

    def has_closed() -> bool:
        state: int = ask(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state not in (ESTABLISHED, SYN_RECEIVED)

    return has_closed
