"""The bytes of fiscal documents: as they were kept, else as the FN gives them, compared on demand."""

from typing import Any

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import TlvError, decode, element, encode, fiscal_sign_bytes
from kkt_adapter.fiscal.model import FiscalDocument, Registration
from kkt_adapter.fiscal.ofd.describe import document_json
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.document_bytes import KeptDocument, kept_document
from kkt_adapter.fiscal.store.document_dates import maker_of
from kkt_adapter.kernel.errors import AdapterError, DocumentNotFound, RegisterNotFound
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.db.protocol import Database

FN_ANSWER_S = 30.0  # a device needs many exchanges for one document
SLIP_WAITS_S = 5.0  # for a document that is not kept; then the slip is put together from what was sent


class Documents:
    """Every call is one look at the database, and at the FN where that is needed."""

    def __init__(self, *, database: Database, registers: Registers) -> None:
        self._db = database
        self._registers = registers

    async def document(self, fn_number: str, fd_number: int, *, compare: bool = False) -> dict[str, Any]:
        """One document with its bytes in hex, its contents, and the operator's ticket if it came through us.

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
        shown = _shown(fn_number, fd_number, tlv, kept)
        return shown if not compare else shown | {"fn": _compared(tlv, made)}

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


def _shown(fn_number: str, fd_number: int, tlv: bytes, kept: KeptDocument | None) -> dict[str, Any]:
    return {
        "fn_number": fn_number,
        "fiscal_doc_number": fd_number,
        "code": int.from_bytes(tlv[:2], "little"),
        "tlv": tlv.hex(),
        "document": _contents(tlv),
        "ticket": None if kept is None or kept.ticket is None else kept.ticket.hex(),
        "source": "fn" if kept is None else "kept",
        "kept_at": None if kept is None else iso(kept.kept_at),
    }


def _contents(tlv: bytes) -> dict[str, Any] | None:
    try:
        (document,) = decode(tlv)
    except (TlvError, ValueError):
        return None
    return document_json(document.children)


def _compared(tlv: bytes, made: FiscalDocument | None) -> dict[str, Any]:
    """``same`` is None where the FN has the document no more, or only a summary of it."""
    other = None if made is None else made.tlv
    return {
        "same": None if other is None else other == tlv,
        "tlv": None if other is None else other.hex(),
        "fiscal_sign": None if made is None else str(made.fiscal_sign),
    }
