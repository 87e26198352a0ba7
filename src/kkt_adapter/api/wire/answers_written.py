"""What requests write their answers to, between uvicorn and the socket."""

from collections.abc import Callable
from typing import Protocol


class AnswerTransport(Protocol):
    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    def is_closing(self) -> bool: ...


class AnswerLine(Protocol):
    """The connection an answer goes to."""

    @property
    def in_body(self) -> bool: ...
    def linger(self) -> None: ...


class Answers:
    """A head waits for the first part of its body, so that both leave by one call of the system and arrive
    as one packet: a second call costs more than putting a receipt's answer together, and wakes the client
    twice. It waits for no longer than the present turn of the loop.

    Closing within a body lets the client read the answer first.
    """

    def __init__(
        self,
        line: AnswerLine,
        transport: AnswerTransport,
        *,
        call_soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._line = line
        self._transport = transport
        self._call_soon = call_soon
        self._held = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """At most one part is held: a stream is not gathered in memory."""
        if self._held:
            first, self._held = self._held, b""
            self._transport.write(first + data)
        elif data:
            self._held = data
            self._call_soon(self.flush)

    def flush(self) -> None:
        """Write what is held; nothing happens when nothing is."""
        if self._held:
            first, self._held = self._held, b""
            self._transport.write(first)

    def close(self) -> None:
        self.flush()
        if self._line.in_body:
            self._line.linger()
        else:
            self._transport.close()
