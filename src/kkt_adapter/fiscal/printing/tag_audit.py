"""Does a document say what was asked for? Read back after the till has its answer, and after other receipts.

Firmware has settings that change a receipt on its way into the FN: rates that are replaced or mapped, tags
that are left out. What was printed cannot be undone; a person must know, and change the setting. So a
difference is an event with both values, and never holds a receipt up.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from kkt_adapter.fiscal.ffd.compose_extras import line_extras, receipt_extras
from kkt_adapter.fiscal.ffd.tlv import Element, Fvln, TlvError, decode, quantity_millionths
from kkt_adapter.fiscal.ffd.vat import CODE
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.model import FfdVersion, FiscalDocument, Line, PaymentKind, Receipt, ReceiptKind
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktBlocked, KktError, StorageError
from kkt_adapter.kernel.money import quantity_text
from kkt_adapter.runtime.db.protocol import Database

_PAYMENTS = {
    PaymentKind.CASH: 1031,
    PaymentKind.CARD: 1081,
    PaymentKind.PREPAID: 1215,
    PaymentKind.CREDIT: 1216,
    PaymentKind.OTHER: 1217,
}
LIMIT = 200  # receipts that wait to be read back; older ones are passed over
PAUSE_S = 0.5  # between two looks whether the register has time


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``asked`` and ``told`` as texts; ``line`` counts from 1, 0 is the whole receipt."""

    tag: int
    line: int
    asked: str
    told: str


def differences(receipt: Receipt, tags: Sequence[Element]) -> list[Difference]:
    """What the receipt asks for by itself; what a register adds or works out (sums of tax, results of checks,
    its own requisites) is not compared."""
    found = _compared(_asked_of_receipt(receipt), tags, line=0)
    if receipt.kind is ReceiptKind.CORRECTION and receipt.ffd_version is FfdVersion.V1_05:
        return found  # it carries no lines
    told_lines = [element.children for element in tags if element.tag == 1059]
    for number, line in enumerate(receipt.lines, start=1):
        told = told_lines[number - 1] if number <= len(told_lines) else ()
        found += _compared(_asked_of_line(line, receipt.ffd_version), told, line=number)
    return found


def _asked_of_receipt(receipt: Receipt) -> Iterator[tuple[int, str]]:
    yield 1054, str(int(receipt.operation))
    yield 1055, str(receipt.taxation)
    yield 1020, str(receipt.total_kop)
    for kind, tag in _PAYMENTS.items():
        yield tag, str(receipt.paid_kop(kind))
    if receipt.internet:
        yield 1125, "1"
    if receipt.additional_attribute:
        yield 1192, receipt.additional_attribute
    if receipt.user_attribute is not None:
        yield 1084, f"1085={receipt.user_attribute.name}, 1086={receipt.user_attribute.value}"
    if receipt.extras is not None:
        yield from _as_texts(decode(receipt_extras(receipt.extras)))


def _asked_of_line(line: Line, version: FfdVersion) -> Iterator[tuple[int, str]]:
    yield 1199, str(CODE[line.vat])
    yield 1043, str(line.amount_kop)
    yield 1023, quantity_text(line.quantity)
    yield 1212, str(line.subject)
    yield 1214, str(line.method)
    if version is FfdVersion.V1_2:
        yield 2108, str(line.measure)
    if line.extras is not None:
        yield from _as_texts(decode(line_extras(line.extras)))


def _compared(asked: Iterable[tuple[int, str]], tags: Sequence[Element], *, line: int) -> list[Difference]:
    """A tag that is there several times must be there with each value."""
    told: dict[int, list[str]] = {}
    for tag, text in _as_texts(tags):
        told.setdefault(tag, []).append(text)
    found = []
    for tag, text in asked:
        texts = told.get(tag, [])
        if text in texts:
            texts.remove(text)
        elif texts or text != "0" or tag not in _PAYMENTS.values():  # a sum of nothing may be left out
            found.append(Difference(tag=tag, line=line, asked=text, told=texts[0] if texts else ""))
    return found


def _as_texts(elements: Iterable[Element]) -> Iterator[tuple[int, str]]:
    for element in elements:
        if element.tag != 1059:
            yield element.tag, _text(element)


def _text(element: Element) -> str:
    """Numbers as numbers, however they are packed; the members of a structure in the order of their tags."""
    match element.value:
        case Fvln():
            return quantity_text(quantity_millionths(element.value))
        case str():
            return element.value.rstrip(" ")
        case None if element.children:
            members = sorted(element.children, key=lambda child: child.tag)
            return ", ".join(f"{child.tag}={_text(child)}" for child in members)
        case None | bytes():
            return str(int.from_bytes(element.raw, "little"))
        case _:
            return str(element.value)


class TagAudit:
    """A ``Service`` of one register. ``busy`` says whether receipts wait for it."""

    def __init__(
        self,
        register_id: str,
        *,
        driver: KktDriver,
        database: Database,
        clock: Clock,
        busy: Callable[[], bool],
    ) -> None:
        self.name = f"tags:{register_id}"
        self._register_id = register_id
        self._driver = driver
        self._db = database
        self._clock = clock
        self._busy = busy
        self._waiting: deque[tuple[Receipt, FiscalDocument]] = deque(maxlen=LIMIT)
        self._new = asyncio.Event()
        self._log = structlog.get_logger("tags").bind(register_id=register_id)

    def put(self, receipt: Receipt, document: FiscalDocument) -> None:
        self._waiting.append((receipt, document))
        self._new.set()

    async def run(self, stop: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                if self._waiting and not self._busy():
                    await self._audit(*self._waiting.popleft())
                    continue
                self._new.clear()
                coming = asyncio.ensure_future(self._new.wait())
                timeout_s = PAUSE_S if self._waiting else None
                await asyncio.wait((stopping, coming), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                coming.cancel()
        finally:
            stopping.cancel()

    async def _audit(self, receipt: Receipt, document: FiscalDocument) -> None:
        try:
            tags = await self._driver.tags(document.fd_number)
            found = [] if tags is None else differences(receipt, tags)
            if found:
                await self._tell(receipt, document, found)
        except (KktError, KktBlocked, StorageError, TlvError) as error:
            self._log.info("tags_not_read", fd_number=document.fd_number, error=str(error))

    async def _tell(self, receipt: Receipt, document: FiscalDocument, found: list[Difference]) -> None:
        self._log.error(
            "tags_differ",
            receipt_id=receipt.id,
            fd_number=document.fd_number,
            tags=sorted({one.tag for one in found}),
        )
        now = self._clock.now()
        entry = events.entry(
            EventType.TAGS_DIFFER,
            now,
            receipt_id=receipt.id,
            level=EventLevel.ERROR,
            register_id=self._register_id,
            fd_number=document.fd_number,
            differences=[
                {"tag": one.tag, "line": one.line, "asked": one.asked, "told": one.told} for one in found
            ],
        )
        await self._db.write(lambda conn: events.write(conn, [entry]))
