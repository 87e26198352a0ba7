"""The durable buffer: accepting receipts.

Plain functions of a connection inside a transaction. ``accept`` takes many receipts at a time and uses
one statement per table for all of them, because a group shares one commit anyway.

Invariants: the unique row in ``idempotency``, the receipt, its event and (when its lane is free) its
attempt are one commit; capacity and key are checked in that same transaction; ``counters`` moves with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from kkt_adapter.fiscal.intake import rows, suspicions
from kkt_adapter.fiscal.intake.choice import Wanted, choose
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.known_keys import Known, UsedForAction, known_as, used_for_actions
from kkt_adapter.fiscal.intake.origin import origin_facts
from kkt_adapter.fiscal.intake.press_guard import INSERT_PRESSES, EqualPresses, NewPress, forget
from kkt_adapter.fiscal.intake.refusals import refusal
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.store import events as journal
from kkt_adapter.fiscal.store import group_rows, receipt_json
from kkt_adapter.fiscal.store.attempts import INSERT_ATTEMPTS, NewAttempt, attempt_row
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel import hlc
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime.db.bulk import AskedRows
from kkt_adapter.runtime.leases.database import TermKey, ask_terms, check_terms


def accept(conn: Connection, items: Sequence[AcceptItem]) -> list[Accepted | Known | Exception]:
    """Store receipts in the order given; each gets its place, or what its key was used for before."""
    batch = _Batch(conn, items)
    outcomes = [batch.take(item) for item in _with_registers(conn, items, batch.known)]
    batch.write()
    return outcomes


def _state(asked: AskedRows) -> rows.State:
    (row,) = asked.rows()
    return rows.State(*row)


class _Asked:
    """What deciding about receipts needs from the database: asked for together, before the first answer is
    looked at."""

    def __init__(self, conn: Connection, items: Sequence[AcceptItem]) -> None:
        self._state = rows.STATE.ask(conn, [(1,)])
        self._known = rows.KNOWN.ask(conn, [(one,) for item in items for one in item.key_hashes])
        self.terms = ask_terms(conn, {item.attempt.lane.key for item in items if item.attempt is not None})

    def state(self) -> rows.State:
        return _state(self._state)

    def known(self) -> dict[bytes, Known]:
        return {bytes(key_hash): known_as(*row) for key_hash, *row in self._known.rows()}


def _earlier(known: Mapping[bytes, Known], key_hashes: Sequence[bytes]) -> Known | None:
    return next((found for one in key_hashes if (found := known.get(one)) is not None), None)


class _Batch:
    """The receipts of one commit: each is decided as it is taken, and all are written at the end."""

    def __init__(self, conn: Connection, items: Sequence[AcceptItem]) -> None:
        origins = [item.origin for item in items if item.origin is not None]
        # First, so that reading the equal presses brings none of them: they would keep nobody out.
        forget(conn, sorted({subject for item in items for subject in item.told}))
        asked = _Asked(conn, items)
        state = asked.state()
        self.known = asked.known()
        self._asked_terms = asked.terms
        self._actions = used_for_actions(conn, [one for origin in origins for one in origin.actions])
        self._equal = EqualPresses(conn, [one.guard for one in origins if one.guard is not None])
        self._conn = conn
        self._state = state
        self._seq, self._attempt_id = state.next_seq, state.next_attempt
        self._stamp = HybridTimestamp(state.hlc_local_time, state.hlc_logical_counter)
        self._undelivered = state.pending + state.syncing
        self._stored: list[tuple[AcceptItem, Accepted]] = []
        self._attempts: list[tuple[Any, ...]] = []
        self._terms: set[TermKey] = set()  # of the lanes that the attempts belong to
        self._links: list[tuple[int, suspicions.ReceiptLink]] = []
        self._pressed: list[NewPress] = []

    def take(self, item: "AcceptItem | _Unplaced") -> Accepted | Known | Exception:
        """What becomes of this receipt; those taken before it in the batch count."""
        earlier = _earlier(self.known, item.key_hashes)
        if earlier is not None:
            return earlier
        if isinstance(item, _Unplaced):
            return item.refusal
        if item.origin is not None and not self._actions.isdisjoint(item.origin.actions):
            return UsedForAction()
        refused = self._refusal(item)
        if refused is not None:
            return refused
        links = suspicions.links_of(item.receipt, item.sale_id)
        if item.looked is not None and suspicions.overtaken(
            self._conn, links, looked=item.looked, beside=self._links
        ):
            return suspicions.CheckAgain()
        return self._place(item, links)

    def _refusal(self, item: AcceptItem) -> Exception | None:
        refused = refusal(
            self._conn,
            maintenance=self._state.maintenance,
            stored_capacity=self._state.capacity,
            undelivered=self._undelivered,
            default_capacity=item.default_capacity,
            sale_must_be_synced=item.sale_must_be_synced,
            forced=item.force_reason is not None,
            at=item.at,
        )
        guard = None if item.origin is None else item.origin.guard
        if refused is not None or guard is None:
            return refused
        return self._equal.repeated(guard, at=item.at, beside=self._pressed)

    def _place(self, item: AcceptItem, links: Sequence[suspicions.ReceiptLink]) -> Accepted:
        self._stamp = hlc.tick(self._stamp, int(item.at.timestamp()))
        self._undelivered += 1
        accepted = Accepted(
            seq=self._seq,
            stamp=self._stamp,
            queue_position=self._undelivered,
            attempt_id=None if item.attempt is None else self._attempt_id,
            choice=item.choice,
        )
        self._stored.append((item, accepted))
        if item.attempt is not None:
            self._begin(item, item.attempt)
        self._seq += 1
        self._links += [(accepted.seq, link) for link in links]
        if item.origin is not None and item.origin.guard is not None:
            self._pressed.append(NewPress(subject=item.receipt.id, guard=item.origin.guard, at=item.at))
        self.known[item.key_hash] = Known(
            receipt_id=item.receipt.id, request_hash=item.request_hash, answer=None
        )
        return accepted

    def _begin(self, item: AcceptItem, attempt: NewAttempt) -> None:
        register_id = item.receipt.register_id
        self._terms.add(attempt.lane.key)
        self._attempts.append(
            attempt_row(self._attempt_id, AttemptKind.PRINT, register_id, self._seq, attempt, item.at)
        )
        self._attempt_id += 1

    def write(self) -> None:
        """One statement a table; nothing when no receipt was placed."""
        if not self._stored:
            return
        conn, stored = self._conn, self._stored
        rows.INSERT_RECEIPTS.put(conn, [rows.receipt_row(*one) for one in stored])
        rows.INSERT_KEYS.put(conn, [rows.key_row(*one) for one in stored])
        journal.write(conn, [event for item, _ in stored for event in _events(item)])
        suspicions.write_links(conn, self._links)
        if self._pressed:
            INSERT_PRESSES.put(conn, [press.row for press in self._pressed])
        if callbacks := [row for one in stored if (row := rows.callback_row(*one)) is not None]:
            rows.INSERT_CALLBACKS.put(conn, callbacks)
        if shops := {item.origin.account: item.at for item, _ in stored if item.origin is not None}:
            group_rows.note_use(conn, shops, prefix=group_rows.SHOP_PREFIX)
        if self._attempts:
            self._asked_terms.check(self._terms & self._asked_terms.asked)
            check_terms(conn, self._terms - self._asked_terms.asked)  # of registers that were chosen here
            INSERT_ATTEMPTS.put(conn, self._attempts)
        self._move_counters(len(stored))

    def _move_counters(self, stored: int) -> None:
        moved = (
            self._seq,
            self._attempt_id,
            self._stamp.local_time,
            self._stamp.logical_counter,
            self._state.total + stored,
            self._state.pending + stored,
            self._state.unprinted + stored,
        )
        rows.SET_COUNTERS.put(self._conn, [moved])


def _events(item: AcceptItem) -> list[journal.NewEvent]:
    """What the journal says of a receipt that was accepted."""
    added = journal.entry(
        EventType.RECEIPT_ADDED,
        item.at,
        receipt_id=item.receipt.id,
        pos_id=item.receipt.pos_id,
        **origin_facts(item.origin),
    )
    refunds = suspicions.refund_events(
        item.receipt, item.at, sale_id=item.sale_id, sale_pos=item.sale_pos, forced=item.force_reason
    )
    if item.warnings is None:
        return [added, *refunds]
    warned = journal.entry(
        EventType.RECEIPT_WARNING,
        item.at,
        receipt_id=item.receipt.id,
        level=EventLevel.WARNING,
        warnings=item.warnings,
    )
    return [added, *refunds, warned]


class _Unplaced(NamedTuple):
    """A receipt of a group that no register takes."""

    key_hashes: tuple[bytes, ...]
    refusal: Exception


def _with_registers(
    conn: Connection, items: Sequence[AcceptItem], known: Mapping[bytes, Known]
) -> list[AcceptItem | _Unplaced]:
    """The receipts of groups with the register that prints each; not those whose key was used before."""
    pooled = [
        place for place, item in enumerate(items) if item.options and _earlier(known, item.key_hashes) is None
    ]
    if not pooled:
        return list(items)
    wanted = [
        Wanted(group_id=items[place].receipt.pos_id, options=items[place].options, at=items[place].at)
        for place in pooled
    ]
    found: list[AcceptItem | _Unplaced] = list(items)
    for place, choice in zip(pooled, choose(conn, wanted), strict=True):
        found[place] = _on_register(items[place], choice)
    return found


def _on_register(item: AcceptItem, choice: int | Exception) -> AcceptItem | _Unplaced:
    if isinstance(choice, Exception):
        return _Unplaced(item.key_hashes, choice)
    option = item.options[choice]
    return replace(
        item,
        receipt=option.receipt,
        payload=receipt_json.dump(option.receipt),
        warnings=option.warnings,
        attempt=option.attempt,
        choice=choice,
    )


def refusal_now(
    conn: Connection, *, default_capacity: int, sale_must_be_synced: str | None, forced: bool, at: datetime
) -> Exception | None:
    """What ``accept`` would refuse a receipt with at the moment; stores nothing."""
    state = _state(rows.STATE.ask(conn, [(1,)]))
    return refusal(
        conn,
        maintenance=state.maintenance,
        stored_capacity=state.capacity,
        undelivered=state.pending + state.syncing,
        default_capacity=default_capacity,
        sale_must_be_synced=sale_must_be_synced,
        forced=forced,
        at=at,
    )
