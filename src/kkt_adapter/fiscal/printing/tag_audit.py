"""Does a document say what was asked for? Read back after the till has its answer, and after other receipts.

Firmware has settings that change a receipt on its way into the FN: rates that are replaced or mapped, tags
that are left out. What was printed cannot be undone; a person must know, and change the setting. So a
difference is an event with both values, and never holds a receipt up.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from kkt_adapter.fiscal.ffd.tlv import Element, first
from kkt_adapter.fiscal.ffd.vat import CODE
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.model import FfdVersion, FiscalDocument, Receipt, ReceiptKind
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktBlocked, KktError, StorageError
from kkt_adapter.runtime.db.protocol import Database

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
    """1199 of every line, and 1054, 1055, 1020 and 1192 of the receipt."""
    found = [
        Difference(tag=tag, line=0, asked=asked, told=told)
        for tag, asked in (
            (1054, str(int(receipt.operation))),
            (1055, str(receipt.taxation)),
            (1020, str(receipt.total_kop)),
            (1192, receipt.additional_attribute or ""),
        )
        if asked and (told := _told(tags, tag)) != asked
    ]
    if receipt.kind is ReceiptKind.CORRECTION and receipt.ffd_version is FfdVersion.V1_05:
        return found  # it carries no lines
    asked_rates = [str(CODE[line.vat]) for line in receipt.lines]
    told_rates = [_told(line.children, 1199) for line in tags if line.tag == 1059]
    told_rates += [""] * (len(asked_rates) - len(told_rates))
    return found + [
        Difference(tag=1199, line=number, asked=asked, told=told)
        for number, (asked, told) in enumerate(zip(asked_rates, told_rates, strict=False), start=1)
        if asked != told
    ]


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
        except (KktError, KktBlocked, StorageError) as error:
            self._log.info("tags_not_read", fd_number=document.fd_number, error=error.detail.en)

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


def _told(elements: Sequence[Element], tag: int) -> str:
    found = first(elements, tag)
    if found is None:
        return ""
    value = found.value if found.value is not None else int.from_bytes(found.raw, "little")
    return value.rstrip(" ") if isinstance(value, str) else str(value)
