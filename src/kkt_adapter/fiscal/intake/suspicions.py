"""What looks like a mistake or a fraud although the receipt is well formed: it refunds more than was sold,
or again; it repeats an order under another key; it sells a marked item twice. The receipt is taken with a
warning, or refused where the configuration says so.

Receipts are tied to what they are about by rows of ``receipt_links``, written in the commit of acceptance
and only for receipts that have a sale, an order or a mark. The look is taken just before that commit. When
another receipt about the same was committed in between, the commit refuses (``CheckAgain``), and a new look
is taken.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select

from kkt_adapter.fiscal.ffd.validation.receipt import Checked
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptWarning
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType, NewEvent
from kkt_adapter.fiscal.store.tables import receipt_links, receipts
from kkt_adapter.kernel.errors import ReceiptInvalid, Text, Violation
from kkt_adapter.kernel.money import rubles

REFUND_EXCEEDS_SALE = "REFUND_EXCEEDS_SALE"
SALE_REFUNDED_BEFORE = "SALE_REFUNDED_BEFORE"
ORDER_REPEATED = "ORDER_REPEATED"
MARK_SOLD_TWICE = "MARK_SOLD_TWICE"
CODES = (REFUND_EXCEEDS_SALE, SALE_REFUNDED_BEFORE, ORDER_REPEATED, MARK_SOLD_TWICE)

REFUND, ORDER, MARK = "refund", "order", "mark"  # kinds of links
CORRECTION = "correction"  # from a correction to the fiscal sign of the document that was wrong
GS = "\x1d"  # ends the identification part of a marking code; what follows are its check parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLink:
    """``value`` is what the receipt is about: id of a sale or an order, digest of a mark, a fiscal sign."""

    kind: str
    value: str
    detail: str = ""  # of an order: the digest of kind and lines; of a mark: the receipt's kind


class CheckAgain(Exception):
    """Another receipt about the same sale, order or mark came in since the look; nothing was stored."""


def links_of(receipt: Receipt, sale_id: str | None) -> tuple[ReceiptLink, ...]:
    """``sale_id``: the sale that this receipt refunds, where it is known here."""
    found = []
    if receipt.kind is ReceiptKind.REFUND and sale_id is not None:
        found.append(ReceiptLink(kind=REFUND, value=sale_id))
    if receipt.correction is not None and receipt.correction.fiscal_sign is not None:
        found.append(ReceiptLink(kind=CORRECTION, value=receipt.correction.fiscal_sign.lstrip("0")))
    if receipt.order_id is not None:
        found.append(ReceiptLink(kind=ORDER, value=receipt.order_id, detail=_lines_digest(receipt)))
    marks = {mark for _, mark in _marks(receipt)}
    return (
        *found,
        *(ReceiptLink(kind=MARK, value=mark, detail=receipt.kind.value) for mark in sorted(marks)),
    )


def write_links(conn: Connection, rows: Sequence[tuple[int, ReceiptLink]]) -> None:
    """``rows``: a receipt's seq, and what it is about."""
    if rows:
        conn.execute(
            insert(receipt_links),
            [
                {"kind": link.kind, "value": link.value, "receipt_seq": seq, "detail": link.detail}
                for seq, link in rows
            ],
        )


def overtaken(
    conn: Connection, links: Sequence[ReceiptLink], *, looked: int, beside: Sequence[tuple[int, ReceiptLink]]
) -> bool:
    """Is there a newer receipt about the same than the look saw? ``looked``: the newest it saw; ``beside``:
    what the same transaction is about to write."""
    links = [link for link in links if link.kind != CORRECTION]  # nothing is suspicious about a second one
    if not links:
        return False
    own = {(link.kind, link.value) for link in links}
    return any((link.kind, link.value) in own for _, link in beside) or newest_link(conn, links) > looked


def newest_link(conn: Connection, links: Sequence[ReceiptLink]) -> int:
    """The seq of the newest receipt about any of these; 0 when there is none."""
    same = or_(*(and_(receipt_links.c.kind == li.kind, receipt_links.c.value == li.value) for li in links))
    return int(conn.execute(select(func.max(receipt_links.c.receipt_seq)).where(same)).scalar_one() or 0)


def refund_events(
    receipt: Receipt, at: datetime, *, sale_id: str | None, sale_pos: str | None, forced: str | None
) -> Iterator[NewEvent]:
    """Entries about a refund that somebody should look at; in the commit of acceptance. ``forced``: the
    reason given for a sale that may not be refunded by itself."""
    if sale_id is None:
        return
    warning: dict[str, Any] = {"receipt_id": receipt.id, "level": EventLevel.WARNING}
    if forced is not None:
        yield events.entry(EventType.REFUND_FORCED, at, **warning, sale_id=sale_id, reason=forced)
    if sale_pos is not None and sale_pos != receipt.pos_id:
        facts: dict[str, Any] = {"sale_id": sale_id, "pos_id": receipt.pos_id, "sale_pos_id": sale_pos}
        yield events.entry(EventType.REFUND_OF_OTHER_TILL, at, **warning, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSuspicions:
    """``newest``: the newest receipt about the same (its seq), 0 when there is none."""

    newest: int = 0
    found: tuple[ReceiptWarning, ...] = ()


def is_about_others(receipt: Receipt) -> bool:
    """Does a receipt name an order or a mark? Of a refund its sale is looked at as well."""
    return receipt.order_id is not None or any(line.mark_code for line in receipt.lines)


def look(conn: Connection, receipt: Receipt, sale: Receipt | None) -> FoundSuspicions:
    """What is suspicious beside what is stored. ``sale``: the one that is refunded, if it is known here."""
    if sale is None and not is_about_others(receipt):
        return FoundSuspicions()
    links = links_of(receipt, None if sale is None else sale.id)
    newest = newest_link(conn, links) if links else 0
    if receipt.kind not in (ReceiptKind.SALE, ReceiptKind.REFUND):
        return FoundSuspicions(newest=newest)
    return FoundSuspicions(newest=newest, found=tuple(_find(conn, receipt, sale)))


class Suspicions:
    """``refused``: codes that stop a receipt; the others are warnings."""

    def __init__(self, *, refused: frozenset[str]) -> None:
        self._refused = refused

    def judge(self, checked: Checked, seen: FoundSuspicions, sent: AsSent) -> Checked:
        """The receipt with its warnings. Raises ReceiptInvalid for what is to be refused."""
        if not seen.found:
            return checked
        found = [replace(one, field=sent.own_name(one.field)) for one in seen.found]
        refused = [one for one in found if one.code in self._refused]
        if refused:
            raise ReceiptInvalid(
                tuple(
                    Violation(field=one.field, code=one.code.lower(), message=one.message, tag=one.tag)
                    for one in refused
                )
            )
        return Checked(receipt=checked.receipt, warnings=(*checked.warnings, *found))


def _find(conn: Connection, receipt: Receipt, sale: Receipt | None) -> Iterator[ReceiptWarning]:
    if receipt.kind is ReceiptKind.REFUND:
        if sale is not None:
            yield from _refunds(conn, receipt, sale)
        return
    if receipt.order_id is not None:
        yield from _orders(conn, receipt, receipt.order_id)
    for number, mark in _marks(receipt):
        yield from _sold(conn, number, mark)


def _refunds(conn: Connection, refund: Receipt, sale: Receipt) -> Iterator[ReceiptWarning]:
    query = (
        select(receipts.c.id, receipts.c.total_kop)
        .join(receipt_links, receipt_links.c.receipt_seq == receipts.c.seq)
        .where(receipt_links.c.kind == REFUND, receipt_links.c.value == sale.id)
    )
    before = conn.execute(query.order_by(receipts.c.seq)).all()
    if before:
        yield ReceiptWarning(
            code=SALE_REFUNDED_BEFORE,
            field="original_receipt_id",
            message=Text(
                f"This sale was refunded before, by receipt {before[-1].id}.",
                f"По этому чеку уже оформлен возврат: {before[-1].id}.",
            ),
        )
    total_kop = refund.total_kop + sum(row.total_kop for row in before)
    if total_kop > sale.total_kop:
        sold, back = rubles(sale.total_kop), rubles(total_kop)
        yield ReceiptWarning(
            code=REFUND_EXCEEDS_SALE,
            field="original_receipt_id",
            message=Text(
                f"Refunds of this sale come to {back}, it was {sold}.",
                f"Возвраты по этому чеку составят {back}, продано на {sold}.",
            ),
        )


def _orders(conn: Connection, receipt: Receipt, order_id: str) -> Iterator[ReceiptWarning]:
    earlier = conn.execute(
        select(receipts.c.id)
        .join(receipt_links, receipt_links.c.receipt_seq == receipts.c.seq)
        .where(
            receipt_links.c.kind == ORDER,
            receipt_links.c.value == order_id,
            receipt_links.c.detail == _lines_digest(receipt),
        )
        .order_by(receipts.c.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
    if earlier is not None:
        yield ReceiptWarning(
            code=ORDER_REPEATED,
            field="order_id",
            message=Text(
                f"The same lines of this order were sold by receipt {earlier}, under another "
                "Idempotency-Key.",
                f"Те же позиции этого заказа уже проданы чеком {earlier} с другим Idempotency-Key.",
            ),
        )


def _sold(conn: Connection, number: int, mark: str) -> Iterator[ReceiptWarning]:
    last = conn.execute(
        select(receipt_links.c.detail, receipts.c.id)
        .join(receipts, receipts.c.seq == receipt_links.c.receipt_seq)
        .where(receipt_links.c.kind == MARK, receipt_links.c.value == mark)
        .order_by(receipt_links.c.receipt_seq.desc())
        .limit(1)
    ).first()
    if last is not None and last.detail == ReceiptKind.SALE.value:
        yield ReceiptWarning(
            code=MARK_SOLD_TWICE,
            field=f"items.{number}.mark_code",
            tag=2000,
            message=Text(
                f"This marking code was sold before, by receipt {last.id}, and not refunded.",
                f"Этот код маркировки уже продан чеком {last.id} и не возвращён.",
            ),
        )


def _marks(receipt: Receipt) -> list[tuple[int, str]]:
    """Place of the line and digest of its mark; a part of a package is sold many times and does not count."""
    return [
        (number, _digest(line.mark_code.split(GS)[0]))
        for number, line in enumerate(receipt.lines)
        if line.mark_code and (line.extras is None or line.extras.mark_quantity is None)
    ]


def _lines_digest(receipt: Receipt) -> str:
    lines = [f"{line.name}|{line.price_kop}|{line.quantity}|{line.amount_kop}" for line in receipt.lines]
    return _digest("\n".join([receipt.kind.value, str(receipt.total_kop), *sorted(lines)]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
