"""The list of receipts: pills by state, filters in the address, pages, export."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from starlette.responses import Response, StreamingResponse

from kkt_adapter.api.ui.csv_text import csv_line
from kkt_adapter.api.ui.routing import page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.queries.receipt_filter import STAGES, ReceiptFilter, Stage
from kkt_adapter.fiscal.queries.receipt_list import COUNTED, ReceiptRow
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.kernel.money import kopecks, rubles
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.auth.shop_values import DoorName

E = TypeVar("E", Stage, ReceiptKind)

SHOWN = 50
PERIOD = timedelta(days=7)
EXPORTED = 100_000  # receipts in one file; a longer period needs several

KINDS = {
    Stage.PRINTING: "wait",
    Stage.QUESTION: "ask",
    Stage.PRINT_FAILED: "bad",
    Stage.WAITING: "wait",
    Stage.CONFIRMED: "ok",
    Stage.DEAD: "bad",
}
FILTERS = ("text", "register", "kind", "since", "until", "number", "total", "door", "account", "stage")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedList:
    """The filter, and the texts it was read from."""

    filter: ReceiptFilter
    given: Mapping[str, str]  # every filter; empty where nothing is asked
    zone: tzinfo

    last_day: date

    @property
    def is_narrow(self) -> bool:
        return any(self.given.values())


async def receipts(visit: Visit) -> Response:
    zone = _zone(visit)
    trouble = None
    try:
        asked = asked_of(visit, zone)
    except InvalidInput as error:
        asked, trouble = _unasked(visit, zone), visit.of(error.detail)
    found, counts = await visit.services.lists.look(asked.filter, limit=SHOWN, after=_after(visit))
    return visit.page(
        "receipts.html",
        asked=asked,
        found=found,
        counts=counts,
        stages=STAGES,
        kinds=KINDS,
        receipt_kinds=tuple(ReceiptKind),
        registers=visit.services.watch.cards.register_ids(),
        doors=("v1", *DoorName) if visit.services.doors else (),
        trouble=trouble,
        counted=COUNTED,
        first_page=_after(visit) is None,
        zone=zone,
    )


async def as_csv(visit: Visit) -> Response:
    zone = _zone(visit)
    asked = asked_of(visit, zone)
    return _file(visit, _csv(visit, asked), "csv", "text/csv; charset=utf-8")


async def as_json(visit: Visit) -> Response:
    zone = _zone(visit)
    return _file(visit, _json(visit, asked_of(visit, zone)), "json", "application/json")


def asked_of(visit: Visit, zone: tzinfo) -> AskedList:
    """Raises InvalidInput, naming the filter."""
    given = {name: visit.query.get(name, "").strip() for name in FILTERS}
    since, until = _day(given, "since"), _day(given, "until")
    usual = _usual(visit, zone)
    wanted = ReceiptFilter(
        since=_begin(since, zone) if since else usual.since,
        until=_begin(until + timedelta(days=1), zone) if until else None,
        stage=_one_of(Stage, given, "stage"),
        register_id=given["register"] or None,
        kind=_one_of(ReceiptKind, given, "kind"),
        fd_number=_number(given),
        total_kop=_total(given),
        door=given["door"] or None,
        account=given["account"] or None,
        text=given["text"][:128] or None,
    )
    return AskedList(filter=wanted, given=given, zone=zone, last_day=until or _today(visit, zone))


def _unasked(visit: Visit, zone: tzinfo) -> AskedList:
    given = dict.fromkeys(FILTERS, "")
    return AskedList(filter=_usual(visit, zone), given=given, zone=zone, last_day=_today(visit, zone))


def _usual(visit: Visit, zone: tzinfo) -> ReceiptFilter:
    """The last seven days, from their first midnight."""
    return ReceiptFilter(since=_begin((visit.now.astimezone(zone) - PERIOD).date(), zone))


def _today(visit: Visit, zone: tzinfo) -> date:
    return visit.now.astimezone(zone).date()


def _zone(visit: Visit) -> tzinfo:
    return visit.services.watch.cards.zone()


def _begin(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given[name]
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _bad(name, text) from None


def _one_of(kinds: type[E], given: Mapping[str, str], name: str) -> E | None:
    text = given[name]
    if not text:
        return None
    try:
        return kinds(text)
    except ValueError:
        raise _bad(name, text) from None


def _number(given: Mapping[str, str]) -> int | None:
    text = given["number"]
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise _bad("number", text)
    return int(text)


def _total(given: Mapping[str, str]) -> int | None:
    text = given["total"]
    if not text:
        return None
    try:
        amount = Decimal(text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace(",", "."))
        if not amount.is_finite() or amount.adjusted() > 12:
            raise InvalidOperation
        return int(kopecks(amount))
    except (InvalidOperation, ValueError):
        raise _bad("total", text) from None


def _bad(name: str, text: str) -> InvalidInput:
    shown = text[:40]
    return InvalidInput(
        f"Filter {name}: {shown!r} does not fit; it is left out.",
        f"Фильтр {name}: значение {shown!r} не подходит, фильтры не применены.",
        field=name,
    )


def _after(visit: Visit) -> int | None:
    text = visit.query.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


COLUMNS = (
    "receipt_id", "register_id", "pos_id", "kind", "total", "state", "fn_number", "fiscal_doc_number",
    "created_at", "printed_at", "synced_at", "retry_count", "last_error", "idempotency_key", "door",
    "account", "client_key",
)  # fmt: skip


def values_of(row: ReceiptRow) -> tuple[str | int | None, ...]:
    """Times are RFC 3339 UTC, money rubles with two digits."""
    return (
        row.id, row.register_id, row.pos_id, row.kind.value, rubles(row.total_kop), row.stage.value,
        row.fn_number, row.fd_number, iso(row.created_at), iso(row.printed_at), iso(row.synced_at),
        row.retry_count, row.last_error, row.key, row.door, row.account, row.client_key,
    )  # fmt: skip


async def _csv(visit: Visit, asked: AskedList) -> AsyncIterator[bytes]:
    yield "\N{BYTE ORDER MARK}".encode() + csv_line(COLUMNS)  # spreadsheets then know that it is UTF-8
    async for rows in visit.services.lists.every(asked.filter, most=EXPORTED):
        yield b"".join(csv_line(values_of(row)) for row in rows)


async def _json(visit: Visit, asked: AskedList) -> AsyncIterator[bytes]:
    """An array, one receipt a line."""
    before = b"[\n"
    async for rows in visit.services.lists.every(asked.filter, most=EXPORTED):
        for row in rows:
            line = json.dumps(dict(zip(COLUMNS, values_of(row), strict=True)), ensure_ascii=False)
            yield before + line.encode()
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _file(visit: Visit, parts: AsyncIterator[bytes], kind: str, media_type: str) -> Response:
    name = f"receipts-{visit.now:%Y%m%d-%H%M}.{kind}"
    return StreamingResponse(
        parts, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


ROUTES = (
    page("/receipts", receipts, nav="receipts", shared=("receipts-list",)),
    page("/receipts.csv", as_csv),
    page("/receipts.json", as_json),
)
