"""The operator's messages through the host: FF30 and FF31 read one, FF32 and FF33 bring its answer."""

from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import message_size
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
from kkt_adapter.fiscal.model import DocumentCode, OfdMessage
from kkt_adapter.fiscal.ofd.frame import FrameError, parse_message, repair_version
from kkt_adapter.kernel.errors import KktRefused
from kkt_adapter.kernel.ids import FnNumber

NOT_ACCEPTED = 0x20


async def read_waiting(session: Session, password: int) -> OfdMessage | None:
    """The FN's oldest message; the same bytes until its answer was taken.

    Raises:
        LinkDown, DeviceRefusal. BadShtrihAnswer: what the device gives is no message.
    """
    size, block = message_size(await session.data(with_password(requests.FN_MESSAGE_SIZE, password)))
    if not size:
        return None
    block = min(block or requests.MAX_READ_BLOCK, requests.MAX_READ_BLOCK)
    data = b""
    while len(data) < size:
        piece = await session.data(requests.read_block(password, len(data), min(block, size - len(data))))
        if not piece:
            raise BadShtrihAnswer(f"{len(data)} bytes of a message of {size}")
        data += piece
    data = repair_version(data[:size])
    try:
        message = parse_message(data)
        container = message.container
        if container is None:
            raise BadShtrihAnswer("a message without a document")
        return OfdMessage(
            fn_number=FnNumber(message.header.fn_number),
            fd_number=int.from_bytes(container.number_field, "big"),
            code=DocumentCode(container.code),
            raw=data,
        )
    except (FrameError, ValueError) as error:
        raise BadShtrihAnswer(f"no message for the operator: {error}") from error


async def write_reply(session: Session, password: int, reply: bytes) -> None:
    """Begin anew with FF32 whenever it failed: the FN takes a whole answer only.

    Raises:
        KktRefused: 20h, the FN does not take it. LinkDown, DeviceRefusal.
    """
    if not reply:
        raise _not_accepted()
    try:
        begun = await session.data(requests.begin_write(password, len(reply)))
        block = min(begun[0] if begun and begun[0] else requests.MAX_WRITE_BLOCK, requests.MAX_WRITE_BLOCK)
        for at in range(0, len(reply), block):
            await session.data(requests.write_block(password, at, reply[at : at + block]))
    except DeviceRefusal as refusal:
        if refusal.code != NOT_ACCEPTED:
            raise
        raise _not_accepted() from refusal


def _not_accepted() -> KktRefused:
    return KktRefused(
        "The FN does not accept the operator's answer.",
        "ФН не принимает ответ ОФД.",
        device_code=NOT_ACCEPTED,
        reason="not_accepted",
    )
