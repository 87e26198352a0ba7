"""The binary protocol to an operator: connect, one message, one confirmation, close.

A new connection for every message is the only way of working that every known operator and register share.
After any failure the same bytes may be sent again; the operator knows a document by FN and number.

``error_code`` of what is raised comes from two closed sets: ``LinkFaultKind`` (no answer: ``timeout``,
``connection``, ``closed``) and ``Reason`` (an answer that is no confirmation of this message: ``bad_crc``,
``wrong_number`` ...).

Source: docs/reference/ofd-protocol.md, sections Transport and Answer.
"""

import asyncio

from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.ofd.frame import HEADER_BYTES, FrameError, parse_header, read_confirmation
from kkt_adapter.fiscal.ofd.gateway import OfdReply
from kkt_adapter.kernel.errors import OfdProtocolError, OfdUnavailable
from kkt_adapter.runtime.link import LinkFault, LinkFaultKind, TcpEndpoint

_DOCUMENT_AT = HEADER_BYTES + 32  # behind the container header: tag of the document, uint16 LE


class TcpOfdGateway:
    """``OfdGateway`` over TCP; any number of deliveries may run at once. Holds no connection between them."""

    def __init__(
        self, host: str, port: int, *, connect_timeout_s: float = 10.0, timeout_s: float = 10.0
    ) -> None:
        """``timeout_s`` covers the whole exchange, ``connect_timeout_s`` of it at most connecting."""
        self._endpoint = TcpEndpoint(host, port)
        self._connect_timeout_s = min(connect_timeout_s, timeout_s)
        self._timeout_s = timeout_s

    async def deliver(self, message: OfdMessage) -> OfdReply:
        """Send the message as it is and read its confirmation. On cancel the socket is closed.

        A confirmation with a response code other than 0 is a confirmation too: it is returned, not raised.

        Raises:
            OfdUnavailable: no connection or no whole answer in time.
            OfdProtocolError: an answer, but no confirmation of this document; the caller sends again later.
        """
        try:
            raw = await self._exchange(message.raw)
            confirmation = read_confirmation(
                raw,
                fn_number=message.fn_number,
                fd_number=message.fd_number,
                encrypted=not _is_clear(message),
            )
        except LinkFault as fault:
            raise _unavailable(fault) from fault
        except FrameError as error:
            raise OfdProtocolError(
                f"the operator's answer is not a confirmation of this document: {error}",
                f"ответ оператора не подтверждает этот документ: {error}",
                error_code=error.reason.value,
            ) from error
        return OfdReply.of(confirmation, raw=raw)

    async def probe(self) -> None:
        """Open a connection and close it. Raises OfdUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            link = await self._endpoint.connect(deadline=loop.time() + self._connect_timeout_s)
        except LinkFault as fault:
            raise _unavailable(fault) from fault
        link.close()

    async def close(self) -> None:
        """Nothing to close: deliveries under way end with their callers."""

    async def _exchange(self, message: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + self._timeout_s
        link = await self._endpoint.connect(deadline=started + self._connect_timeout_s)
        try:
            link.send(message)
            head = await link.receive_exactly(HEADER_BYTES, deadline=deadline)
            size = parse_header(head).body_size  # at most 32 KiB, or it is refused there
            return head + await link.receive_exactly(size, deadline=deadline) if size else head
        finally:
            link.close()


def _is_clear(message: OfdMessage) -> bool:
    """Whether the register writes readable documents; then the operator's answer is readable too."""
    return message.raw[_DOCUMENT_AT : _DOCUMENT_AT + 2] == int(message.code).to_bytes(2, "little")


def _unavailable(fault: LinkFault) -> OfdUnavailable:
    if fault.kind is LinkFaultKind.TIMEOUT:
        return OfdUnavailable(
            f"the operator does not answer: {fault.detail}",
            f"оператор не отвечает: {fault.detail}",
            error_code=fault.kind.value,
        )
    return OfdUnavailable(
        f"the connection to the operator failed: {fault.detail}",
        f"связь с оператором не состоялась: {fault.detail}",
        error_code=fault.kind.value,
    )
