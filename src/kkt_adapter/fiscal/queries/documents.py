"""The bytes of fiscal documents: as they were kept, else as the FN gives them, compared on demand."""

from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode, element, encode, fiscal_sign_bytes
from kkt_adapter.fiscal.model import FiscalDocument, Registration
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.document_bytes import kept_document
from kkt_adapter.fiscal.store.document_dates import maker_of
from kkt_adapter.kernel.errors import AdapterError, DocumentNotFound, RegisterNotFound
from kkt_adapter.runtime.db.protocol import Database

FN_ANSWER_S = 30.0  # a device needs many exchanges for one document
SLIP_WAITS_S = 5.0  # for a document that is not kept; then the slip is put together from what was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class FnCopy:
    """What the FN itself holds of a document. ``tlv`` None: it has it no more, or only a summary of it."""

    tlv: bytes | None
    made: FiscalDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """One fiscal document. ``kept_at`` None: it is not kept here, the FN gave it."""

    fn_number: str
    fd_number: int
    tlv: bytes  # code, length, contents
    contents: tuple[Element, ...] | None  # None: they cannot be read
    ticket: bytes | None  # the operator's answer
    kept_at: datetime | None
    in_fn: FnCopy | None  # None: nobody asked to compare

    @property
    def code(self) -> int:
        return int.from_bytes(self.tlv[:2], "little")

    @property
    def is_same_in_fn(self) -> bool | None:
        """None where the FN does not give the bytes, or was not asked."""
        other = None if self.in_fn is None else self.in_fn.tlv
        return None if other is None else other == self.tlv


class Documents:
    """Every call is one look at the database, and at the FN where that is needed."""

    def __init__(self, *, database: Database, registers: Registers) -> None:
        self._db = database
        self._registers = registers

    async def document(self, fn_number: str, fd_number: int, *, compare: bool = False) -> StoredDocument:
        """One document with its bytes, its contents, and the operator's ticket if it came through us.

        ``compare``: read it from the FN as well, and say whether both are the same.

        Raises:
            DocumentNotFound: nobody has it any more, or never had it.
            KktUnavailable and the like: only the FN could have it, and the register cannot be asked.
        """
        kept = await self._db.read(lambda c: kept_document(c, fn_number=fn_number, fd_number=fd_number))
        made = None
        if kept is None or compare:
            made = await self._from_fn(fn_number, fd_number)
        tlv = kept.tlv if kept is not None else None if made is None else made.tlv
        if tlv is None:
            raise DocumentNotFound(
                f"no bytes of document {fd_number} of FN {fn_number}: not kept here, not given by the FN",
                f"нет содержимого документа {fd_number} ФН {fn_number}: здесь не хранится, ФН не отдаёт",
            )
        return StoredDocument(
            fn_number=fn_number,
            fd_number=fd_number,
            tlv=tlv,
            contents=_contents(tlv),
            ticket=None if kept is None else kept.ticket,
            kept_at=None if kept is None else kept.kept_at,
            in_fn=FnCopy(tlv=None if made is None else made.tlv, made=made) if compare else None,
        )

    async def tlv(self, fn_number: str, fd_number: int) -> bytes | None:
        """The document as one element; None when neither this database nor the FN gives it now."""
        kept = await self._db.read(lambda c: kept_document(c, fn_number=fn_number, fd_number=fd_number))
        if kept is not None:
            return kept.tlv
        try:
            made = await self._from_fn(fn_number, fd_number, deadline_s=SLIP_WAITS_S)
        except AdapterError:
            return None
        return None if made is None else made.tlv

    async def _from_fn(
        self, fn_number: str, fd_number: int, *, deadline_s: float = FN_ANSWER_S
    ) -> FiscalDocument | None:
        """What the FN itself holds, read between two receipts; None: the register has another FN now."""
        unit = await self._unit(fn_number)

        async def read(_: object) -> FiscalDocument | None:
            return await unit.lane.session.driver.document(fd_number)

        made = await unit.lane.perform(read, deadline_s=deadline_s)
        return made if made is not None and made.fn_number == fn_number else None

    async def _unit(self, fn_number: str) -> Unit:
        for unit in self._registers.all():
            status = unit.lane.session.status
            if status is not None and status.fn_number == fn_number:
                return unit
        register_id = await self._db.read(lambda c: maker_of(c, fn_number=fn_number))
        if register_id is None:
            raise RegisterNotFound(f"no register with FN {fn_number}", f"нет ККТ с ФН {fn_number}")
        return self._registers.unit(register_id)


def composed(document: FiscalDocument, payload: str, registration: Registration) -> bytes:
    """A receipt's document put together anew: its numbers and sign, and the contents we sent for it."""
    receipt = receipt_json.load(payload)
    head = encode(
        [
            (1209, int(receipt.ffd_version)),
            (1041, document.fn_number),
            (1037, registration.registration_number),
            (1018, registration.user_inn),
            (1040, document.fd_number),
            (1012, document.fiscalized_at),
            (1077, fiscal_sign_bytes(document.fiscal_sign)),
            (1042, document.receipt_number or 0),
            (1038, document.shift_number),
        ]
    )
    return element(int(document.code), head + receipt_body(receipt, registration))


def _contents(tlv: bytes) -> tuple[Element, ...] | None:
    try:
        (document,) = decode(tlv)
    except (TlvError, ValueError):
        return None
    return tuple(document.children)
