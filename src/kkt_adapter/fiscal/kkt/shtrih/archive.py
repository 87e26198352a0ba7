"""Documents read back: the five-year store (FF0A) and, for some weeks, their tags (FF3A, FF3B).

FF3B is a cursor. An answer of it that got lost is a piece that got lost: on any doubt reading starts anew
with FF3A, and the length must come out right. On desktop devices FF3A switches to mode 1, which only
reading to the end (error 08) or 03h ends; nothing else works until then.
"""

from collections.abc import Sequence

from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode, element
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_elements
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import ArchivedDocument, FnStatus, document_head
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA, NOT_SUPPORTED, ShtrihReaction, error_of
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.fiscal.kkt.z_reports import documents_in_shift, number_of, report_of
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Operation, ShiftReport, Unread
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks

TRIES = 3  # to read one document whole
MAX_PIECES = 4096


async def find(session: Session, password: int, fd_number: int) -> ArchivedDocument | None:
    """Raises LinkDown, DeviceRefusal; None: the FN has no such document."""
    if fd_number < 1:
        return None
    try:
        return ArchivedDocument.read(await session.data(requests.find_document(password, fd_number)))
    except DeviceRefusal as refusal:
        if refusal.code == NO_DATA:
            return None
        raise


async def read_tags(session: Session, password: int, fd_number: int) -> tuple[Element, ...] | None:
    """The elements of a document; None when the device does not give them.

    Raises:
        LinkDown: the link broke again and again.
    """
    try:
        return await _tags(session, password, fd_number)
    except DeviceRefusal:
        return None


async def _tags(session: Session, password: int, fd_number: int) -> tuple[Element, ...] | None:
    """None: the device does not give them (too old, or not able to), or not whole.

    Raises:
        LinkDown: the link broke again and again.
        DeviceRefusal: it is at something else.
    """
    for left in reversed(range(TRIES)):
        try:
            data = await _read_whole(session, password, fd_number)
            return None if data is None else tuple(decode(data))
        except (LinkDown, TlvError, BadShtrihAnswer, DeviceRefusal) as error:
            if not left and (isinstance(error, LinkDown) or _may_pass(error)):
                raise
            await end_dump(session, password)
    return None


def _may_pass(error: Exception) -> bool:
    """A refusal that says nothing of this document: the device is at something else."""
    lasting = (ShtrihReaction.REFUSE, ShtrihReaction.SERVICE)
    return isinstance(error, DeviceRefusal) and error_of(error.code).reaction not in lasting


async def _read_whole(session: Session, password: int, fd_number: int) -> bytes | None:
    """None: not there. Raises TlvError when pieces are missing, DeviceRefusal."""
    begun = await session.ask(requests.begin_document(password, fd_number))
    if begun.error in (NO_DATA, NOT_SUPPORTED):
        return None
    if begun.error:
        raise DeviceRefusal(begun)
    _, length = document_head(begun.data)
    data = b""
    for _ in range(MAX_PIECES):
        piece = await session.ask(with_password(requests.FN_DOCUMENT_PIECE, password))
        if piece.error == NO_DATA or (not piece.error and not piece.data):
            break
        if piece.error:
            raise DeviceRefusal(piece)
        data += piece.data
    if len(data) != length:
        raise TlvError(f"{len(data)} bytes of {length}")
    return data


async def read_document(
    session: Session, password: int, fd_number: int, fn_number: str, *, with_key: bool = False
) -> FiscalDocument | None:
    """One document with what its tags tell; None: the FN has no such number.

    ``with_key``: a document whose key cannot be read now must not pass for one without a key, because its
    receipt would be made again. Raises LinkDown, DeviceRefusal (``WRONG_MODE``: a document is open).
    """
    found = await find(session, password, fd_number)
    if found is None:
        return None
    tags = await (_tags if with_key else read_tags)(session, password, fd_number)
    return document_of(found, tags, fn_number=fn_number)


async def read_report(session: Session, password: int, fd_number: int, fn: FnStatus) -> ShiftReport | None:
    """The Z report kept as that document; None: it is another one."""
    found = await find(session, password, fd_number)
    if found is None or found.code != DocumentCode.CLOSE_SHIFT:
        return None
    tags = await read_tags(session, password, fd_number) or ()
    document = document_of(found, tags, fn_number=fn.fn_number)
    if document is None:
        return None
    inside = documents_in_shift(tags)
    opening = None if inside is None else await find(session, password, fd_number - inside + 1)
    return report_of(document, tags, opened_at=None if opening is None else opening.made_at)


async def end_dump(session: Session, password: int) -> None:
    """Leave mode 1: 03h, and where the firmware refuses that, by reading to the end."""
    if not (await session.ask(with_password(requests.END_DUMP, password))).error:
        return
    for _ in range(MAX_PIECES):
        piece = await session.ask(with_password(requests.FN_DOCUMENT_PIECE, password))
        if piece.error or not piece.data:
            return


def document_of(
    found: ArchivedDocument,
    tags: Sequence[Element] | None,
    *,
    fn_number: str,
    shift_number: int | None = None,
) -> FiscalDocument | None:
    """None for a document of a code that nobody knows. ``tags`` None: they could not be read."""
    if found.code not in set(DocumentCode):
        return None
    elements = tags or ()
    return FiscalDocument(
        fn_number=FnNumber(fn_number),
        fd_number=found.fd_number,
        code=DocumentCode(found.code),
        fiscal_sign=found.fiscal_sign,
        fiscalized_at=found.made_at,
        shift_number=found.shift_number or number_of(elements, 1038) or shift_number or 0,
        receipt_number=None if found.operation is None else number_of(elements, 1042),
        operation=None if found.operation is None else Operation(found.operation),
        total_kop=None if found.total_kop is None else Kopecks(found.total_kop),
        key=key_in_elements(elements),
        unread=Unread.TAGS if tags is None and found.operation is not None else None,
        confirmed=found.confirmed,
        tlv=element(found.code, b"".join([element(e.tag, e.raw) for e in elements])) if elements else None,
    )
