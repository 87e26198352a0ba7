"""One request of a connection and its answer: uvicorn's cycle, with a head that is looked at once.

uvicorn searches each name and each value of a header for forbidden characters. Here the names are known after
their first time, and all the values of a head are searched together.
"""

import re
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # but the ends of lines, which are counted
_DECIDES = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_WITHOUT_BODY = (204, 304)


class RequestCycle(RequestResponseCycle):
    """Does what uvicorn's does, but for its access log, which the service does not have."""

    def whole_body(self) -> bytes | None:
        """The body where all of it has come, as ``receive`` would give it, which then waits for the client to
        leave. None: it is not whole, or nobody is there to be answered."""
        if self.more_body or self.disconnected or self.response_complete or self.waiting_for_100_continue:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return body

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message)
        elif not self.response_complete:
            self._go_on(message)
        else:
            raise RuntimeError(f"{message['type']} after the whole answer")

    def _begin(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"{message['type']} before the head of the answer")
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        headers = [*self.default_headers, *message.get("headers", ())]
        parts = [STATUS_LINE[status]]
        says_close = False
        for name, value in headers:
            parts += (_beginning(name), value, b"\r\n")
            if name in _DECIDES or not name.islower():
                says_close = self._decide(name.lower(), value) or says_close
        lines = len(headers) + 1
        if not self.keep_alive and not says_close:
            parts.append(b"connection: close\r\n")
            lines += 1
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            parts.append(b"transfer-encoding: chunked\r\n")
            lines += 1
        head = b"".join(parts)
        if head.count(b"\n") != lines or head.count(b"\r") != lines or _CONTROL.search(head):
            raise RuntimeError("a header's value has a control character")
        self.transport.write(head + b"\r\n")

    def _decide(self, name: bytes, value: bytes) -> bool:
        """What a header says of the answer's end; true: that the connection is closed."""
        if name == b"content-length" and self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True
        elif name == b"connection" and b"close" in [word.strip() for word in value.lower().split(b",")]:
            self.keep_alive = False
            return True
        return False

    def _go_on(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"{message['type']} within the answer")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            self.transport.write(_chunk(body) if more else _chunk(body) + b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the answer is longer than its content-length")
            self.transport.write(body)
        if more:
            return
        if self.expected_content_length:
            raise RuntimeError("the answer is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(maxsize=256)  # the names that routes write; none comes from outside
def _beginning(name: bytes) -> bytes:
    """Raises RuntimeError: not a name."""
    if HEADER_RE.search(name):
        raise RuntimeError("a header's name has a character that it may not have")
    return name.lower() + b": "


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""
