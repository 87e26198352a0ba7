"""An operator for tests: messages, a gateway without sockets, a server that answers whatever it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support.worked_messages import NONCE, SIGN, WORKED, golden

from kkt_adapter.emulators.ofd import OfdBook, OfdFault, OfdFaultMode, OperatorChannel
from kkt_adapter.emulators.ofd.faults import FaultDecision, OfdFaultPlan
from kkt_adapter.emulators.ofd.ledger import Arrival
from kkt_adapter.emulators.ofd.message import Received, read_strictly
from kkt_adapter.emulators.ofd.reply import ReplyShape, reply_bytes
from kkt_adapter.fiscal.ffd.tlv import Field, encode, fiscal_sign_bytes
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, OfdMessage
from kkt_adapter.fiscal.ofd.frame import FrameError, build_message, read_confirmation, service_data
from kkt_adapter.fiscal.ofd.gateway import OfdReply
from kkt_adapter.kernel.errors import OfdProtocolError, OfdUnavailable
from kkt_adapter.kernel.ids import FnNumber

FN = "9999078900000001"
RECEIPT_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
LOOPBACK = "127.0.0.1"
MOMENT = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - wall clock of a register

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def worked_message(name: str) -> OfdMessage:
    """A golden message as a register would hand it out."""
    worked = WORKED[name]
    return OfdMessage(
        fn_number=FnNumber(worked.fn_number),
        fd_number=worked.fd_number,
        code=DocumentCode(worked.code),
        raw=golden(name),
    )


def a_message(
    fd_number: int = 1,
    *,
    fn_number: str = FN,
    code: DocumentCode = DocumentCode.OPEN_SHIFT,
    tags: dict[int, Any] | None = None,
    **frame: Any,
) -> OfdMessage:
    """A small valid message of FFD 1.2. ``tags`` replace fields of the document or, with None, take them out;
    ``frame`` replaces arguments of ``build_message``."""
    fields: dict[int, Any] = {
        1209: 4,
        1041: fn_number,
        1037: "0000000000024136",
        1018: "9999000006",
        1040: fd_number,
        1012: MOMENT,
        1077: fiscal_sign_bytes(1_000_000 + fd_number),
        1038: 1,
        **(tags or {}),
    }
    body: list[Field] = [(tag, value) for tag, value in fields.items() if value is not None]
    parts: dict[str, Any] = {
        "fn_number": fn_number,
        "fd_number": fd_number,
        "code": code,
        "document": encode([(int(code), body)]),
        "ffd_version": FfdVersion.V1_2,
        "service_data_2": service_data(NONCE, fd_number),
        "sign": SIGN,
        **frame,
    }
    return OfdMessage(
        fn_number=FnNumber(fn_number), fd_number=fd_number, code=code, raw=build_message(**parts)
    )


def a_receipt_body(*, fd_number: int = 1, receipt_id: str = RECEIPT_ID, **changes: Any) -> dict[str, Any]:
    """What delivery posts in the HTTP profile; ``total`` stands last."""
    body: dict[str, Any] = {
        "receipt_id": receipt_id,
        "idempotency_key": "till-1-42",
        "pos_id": "POS-001",
        "type": "sale",
        "items": [{"name": "Хлеб", "price": Decimal(50), "quantity": Decimal(2), "total": Decimal(100)}],
        "payments": [{"type": "cash", "amount": Decimal(100)}],
        "fn_number": FN,
        "fiscal_doc_number": fd_number,
        "fiscal_sign": "2864434397",
        "hlc": {"local_time": 1772442000, "logical_counter": 0, "server_time": None},
        "total": Decimal(100),
    }
    return body | changes


class InMemoryOfd:
    """``OfdGateway`` whose operator is a book in the same process: no sockets, no waiting but ``slow``."""

    def __init__(self, *, timeout_s: float = 10.0, other_end: "InMemoryOfd | None" = None) -> None:
        """``other_end``: whose book and faults this one shares."""
        self.book: OfdBook = OfdBook() if other_end is None else other_end.book
        self._plan: OfdFaultPlan = OfdFaultPlan() if other_end is None else other_end._plan
        self._timeout_s = timeout_s

    async def set_faults(self, *faults: OfdFault) -> None:
        self._plan.set(faults)

    async def deliver(self, message: OfdMessage) -> OfdReply:
        await asyncio.sleep(0)
        await self.probe()
        try:
            received = read_strictly(message.raw)
        except FrameError as error:
            self.book.refusals[error.reason] += 1
            raise _closed() from error
        decision = self._plan.judge(OperatorChannel.TCP, fn=received.fn_number, document=received.fd_number)
        raw = await self._answer(message, received, decision)
        try:
            confirmation = read_confirmation(raw, fn_number=message.fn_number, fd_number=message.fd_number)
        except FrameError as error:
            raise OfdProtocolError(str(error), error_code=error.reason.value) from error
        self.book.confirm(received.fn_number, received.fd_number)
        return OfdReply.of(confirmation, raw=raw)

    async def probe(self) -> None:
        if self._plan.is_down:
            raise OfdUnavailable("nobody listens", error_code="connection")

    async def close(self) -> None:
        pass

    async def _answer(self, message: OfdMessage, received: Received, decision: FaultDecision) -> bytes:
        if decision.mode is OfdFaultMode.HANG or decision.delay_s > self._timeout_s:
            await asyncio.sleep(self._timeout_s)
            raise OfdUnavailable("no answer in time", error_code="timeout")
        if decision.mode is OfdFaultMode.REFUSE:
            raise _closed()
        arrival = self.book.receive(
            OperatorChannel.TCP,
            fn_number=received.fn_number,
            fd_number=received.fd_number,
            code=received.code,
            raw=message.raw,
            now=datetime.now(UTC),
        )
        await asyncio.sleep(decision.delay_s)
        lost = decision.mode in (OfdFaultMode.CLOSE, OfdFaultMode.HALF_ANSWER)
        if lost or arrival not in (Arrival.NEW, Arrival.REPEATED):
            raise _closed()
        return reply_bytes(received, decision, shape=ReplyShape.OPERATOR, now=datetime.now(UTC))


@asynccontextmanager
async def raw_server(respond: Respond) -> AsyncIterator[int]:
    """A TCP server that does to every connection what ``respond`` says; gives its port."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await respond(reader, writer)
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in list(open_writers):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)


def _closed() -> OfdUnavailable:
    return OfdUnavailable("the connection was closed", error_code="closed")
