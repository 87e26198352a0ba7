"""A receipt of a group that waits for one register is given to another one.

Only a receipt that no register can have: ``new``, without a row in ``attempts``, whatever became of one. The
commit that finds this out is the commit that moves it; a lane that still has it in memory finds another
register's name in the row and leaves it alone (``records.begin_print``). ``print_unknown`` never moves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Select, select, update

from kkt_adapter.fiscal.ffd.compose import fits_document
from kkt_adapter.fiscal.ffd.validation.place import is_site
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import Receipt, RegisterProfile, Registration
from kkt_adapter.fiscal.printing.blocked import group_unread
from kkt_adapter.fiscal.store import counters, events, group_rows, receipt_json
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.holds import held
from kkt_adapter.fiscal.store.orphan_documents import holder_of
from kkt_adapter.fiscal.store.tables import (
    ORPHAN_ROWS,
    UNPRINTED_ROWS,
    attempts,
    documents,
    receipts,
    rejected_documents,
)
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.runtime.db.columns import constant

MOVED_AT_ONCE = 50  # receipts in one commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Which receipts each register got."""

    to: Mapping[str, tuple[int, ...]]  # register -> seq of receipts

    def __len__(self) -> int:
        return sum(map(len, self.to.values()))

    @property
    def seqs(self) -> frozenset[int]:
        return frozenset(seq for seqs in self.to.values() for seq in seqs)


def can_take(receipt: Receipt, registration: Registration) -> bool:
    """Could a register of this registration print the receipt as another one of its group would have?"""
    needs_site = receipt.internet and receipt.place is None
    return (
        receipt.ffd_version is registration.ffd_version
        and bool(receipt.taxation & registration.taxation_mask)
        and (registration.marked_goods or not any(line.mark_code for line in receipt.lines))
        and (receipt.internet or not registration.internet_only)
        and (not needs_site or is_site(registration.place))
        and bool(receipt.cashier.name or registration.auto_mode or registration.internet_only)
        and fits_document(receipt, registration)
    )


def move(
    conn: Connection,
    register_id: str,
    *,
    group_id: str,
    targets: Sequence[RegisterProfile],
    at: datetime,
) -> Moved:
    """Give the receipts of a group that wait for this register to ``targets``, the shortest queue first; at
    most ``MOVED_AT_ONCE`` in a call. One that may be a document which was read back from this register's FN
    stays: its lane knows what to do."""
    counters.lock(conn)  # every begin of an attempt waits for it
    holds = held(conn, [target.register_id for target in targets])
    free = [target for target in targets if target.register_id not in holds]
    if not free:
        return Moved(to={})
    queues = {target.register_id: 0 for target in free}
    for waiting in conn.execute(
        select(receipts.c.register_id).where(UNPRINTED_ROWS, receipts.c.register_id.in_(queues))
    ).scalars():
        queues[RegisterId(waiting)] += 1
    read_back = _read_back(conn, register_id)
    moved: dict[str, list[int]] = {}
    entries = []
    for row in conn.execute(_movable(register_id, group_id)).all():
        receipt = receipt_json.load(row.payload)
        if read_back.may_be(receipt):
            continue
        fitting = [target for target in free if can_take(receipt, target.registration)]
        if not fitting:
            continue
        target = min(fitting, key=lambda one: queues[one.register_id])
        queues[target.register_id] += 1
        _give(conn, row.seq, register_id, _as_of(receipt, target))
        moved.setdefault(target.register_id, []).append(row.seq)
        entries.append(_moved(receipt.id, at, was=register_id, to=target.register_id))
    events.write(conn, entries)
    return Moved(to={to: tuple(seqs) for to, seqs in moved.items()})


def holder(conn: Connection, receipt: Receipt, seq: int, siblings: Collection[str]) -> str | None:
    """A receipt of a group is to be printed on its register. ``siblings``, the group's other registers, may
    have printed it before the database was restored from a copy in which it waited here: the one whose FN
    holds its document, or one that may be it; its lane adopts that or asks a person.

    What a person has decided about the receipt already is final: it stays.

    Raises:
        KktBlocked: the FN of a sibling has not been read back yet.
    """
    waits = group_rows.unread(conn) & frozenset(siblings)
    found = None if waits else holder_of(conn, receipt, seq, siblings)
    if not (waits or found) or not _is_undecided(conn, seq, receipt.register_id):
        return None
    if waits:
        raise group_unread(receipt.pos_id, sorted(waits))
    return found


def give_to_holder(conn: Connection, receipt: Receipt, seq: int, *, to: str, at: datetime) -> None:
    """Its lane finds the document; nothing is printed."""
    counters.lock(conn)
    was = receipt.register_id
    if _give(conn, seq, was, replace(receipt, register_id=RegisterId(to))):
        events.write(conn, [_moved(receipt.id, at, was=was, to=to)])


def any_movable(conn: Connection, register_id: str, group_id: str) -> bool:
    """Does a receipt of this group wait for this register, untried?"""
    return conn.execute(_movable(register_id, group_id).limit(1)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadBack:
    """The FN's documents that belong to no receipt."""

    keys: frozenset[str | None]  # None: one of them has no key
    rubles: frozenset[int]  # sums of those whose key could not be read

    def may_be(self, receipt: Receipt) -> bool:
        return receipt.key in self.keys or receipt.total_kop // 100 in self.rubles


def _read_back(conn: Connection, register_id: str) -> _ReadBack:
    query = select(documents.c.receipt_key, documents.c.total_kop, documents.c.unread)
    rows = conn.execute(query.where(ORPHAN_ROWS, documents.c.register_id == register_id)).all()
    return _ReadBack(
        keys=frozenset(row.receipt_key for row in rows if row.unread is None),
        rubles=frozenset(row.total_kop // 100 for row in rows if row.unread is not None),
    )


def _moved(receipt_id: str, at: datetime, *, was: str, to: str) -> events.NewEvent:
    return events.entry(
        EventType.RECEIPT_MOVED, at, receipt_id=receipt_id, register_id=to, was_register_id=was
    )


def _movable(register_id: str, group_id: str) -> Select[tuple[int, str]]:
    tried = select(attempts.c.id).where(attempts.c.receipt_seq == receipts.c.seq).exists()
    return (
        select(receipts.c.seq, receipts.c.payload)
        .where(
            UNPRINTED_ROWS,
            receipts.c.register_id == register_id,
            receipts.c.pos_id == group_id,
            receipts.c.print_state == constant(PrintState.NEW),
            ~tried,
        )
        .order_by(receipts.c.seq)
        .limit(MOVED_AT_ONCE)
    )


def _is_undecided(conn: Connection, seq: int, register_id: str) -> bool:
    """Does it still belong to this register, and has no person said of a document that it is not this one?"""
    rejected = select(rejected_documents.c.receipt_seq)
    query = select(receipts.c.seq).where(
        receipts.c.seq == seq,
        receipts.c.register_id == register_id,
        ~rejected.where(rejected_documents.c.receipt_seq == receipts.c.seq).exists(),
    )
    return conn.execute(query).first() is not None


def _as_of(receipt: Receipt, target: RegisterProfile) -> Receipt:
    sender = target.registration.sender_email or None
    return replace(
        receipt,
        register_id=target.register_id,
        sender_email=None if receipt.sender_email is None else sender,
    )


def _give(conn: Connection, seq: int, was: str, given: Receipt) -> bool:
    """False: it is not there any more, or not new."""
    moved = conn.execute(
        update(receipts)
        .where(
            receipts.c.seq == seq,
            receipts.c.register_id == was,
            receipts.c.print_state == constant(PrintState.NEW),
        )
        .values(register_id=given.register_id, payload=receipt_json.dump(given))
    )
    return moved.rowcount == 1
