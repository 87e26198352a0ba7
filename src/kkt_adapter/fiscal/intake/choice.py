"""Which register of a group prints a receipt: decided in the transaction that accepts it, and written there.

Repeats never come here: their key is found first (``buffer.accept``). So a receipt is given to a register
once, whatever becomes of that register afterwards; only ``printing/moves.py`` may give it to another one.

The rule: a document of this very receipt that was read back from a register (the database was restored), or
one that may be it as its key could not be read, sends it there. Else a register that would print at once goes
before one that is held or in trouble; then the one with the fewest unprinted receipts; then the first of the
settings.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.printing.blocked import BlockReason
from kkt_adapter.fiscal.store.attempts import NewAttempt
from kkt_adapter.fiscal.store.group_rows import note_use
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold, held
from kkt_adapter.fiscal.store.orphan_documents import (
    UNREAD_LIVE,
    OrphanDocument,
    asked_again,
    keyed_or_unread,
)
from kkt_adapter.fiscal.store.tables import ORPHAN_ROWS, UNPRINTED_ROWS, documents, receipts
from kkt_adapter.kernel.errors import KktBlocked
from kkt_adapter.runtime.db.bulk import bulk


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One register that can print the receipt. ``ready``: as far as this process knows, it would print it at
    once; ``attempt``: its lane waits for it; ``clock``: the register's wall clock when it was last asked."""

    receipt: Receipt
    warnings: str | None
    ready: bool
    attempt: NewAttempt | None = None
    clock: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A receipt of a group, before it has a register."""

    group_id: str
    options: Sequence[Option]
    at: datetime


def choose(conn: Connection, wanted: Sequence[Wanted]) -> list[int | KktBlocked]:
    """For each receipt the place of the chosen option; each choice counts for the ones after it."""
    register_ids = {option.receipt.register_id for one in wanted for option in one.options}
    queues = _queues(conn, register_ids)
    holds = held(conn, register_ids)
    read_back = _read_back(conn, wanted, register_ids)
    chosen: list[int | KktBlocked] = []
    for one in wanted:
        owner = asked_again(read_back, one.options[0].receipt)
        place = _best(one.options, queues, holds, owner)
        chosen.append(_drained(one.group_id) if place is None else place)
        if place is not None:
            register_id = one.options[place].receipt.register_id
            queues[register_id] = queues.get(register_id, 0) + 1
    note_use(conn, {one.group_id: one.at for one in wanted})
    return chosen


def _best(
    options: Sequence[Option],
    queues: Mapping[str, int],
    holds: Mapping[str, RegisterHold],
    owner: str | None,
) -> int | None:
    """None: every register is drained."""
    ranks = []
    for place, option in enumerate(options):
        register_id = option.receipt.register_id
        if owner == register_id:
            return place
        hold = holds.get(register_id)
        if hold is not None and hold.mode is HoldMode.DRAIN:
            continue
        waits = hold is not None or not option.ready
        ranks.append((waits, queues.get(register_id, 0), option.attempt is None, place))
    return min(ranks)[-1] if ranks else None


def _queues(conn: Connection, register_ids: Collection[str]) -> dict[str, int]:
    """Unprinted receipts of these registers."""
    return {register_id: int(count) for register_id, count in _UNPRINTED.rows(conn, _listed(register_ids))}


_UNPRINTED = bulk(
    (receipts.c.register_id,),
    lambda given: (
        select(receipts.c.register_id, func.count())
        .join(given, receipts.c.register_id == given.c.register_id)
        .where(UNPRINTED_ROWS)
        .group_by(receipts.c.register_id)
    ),
)
_ORPHANED = bulk(
    (documents.c.register_id,),
    lambda given: (
        select(documents.c.register_id)
        .join(given, documents.c.register_id == given.c.register_id)
        .where(ORPHAN_ROWS)
        .limit(1)
    ),
)


def _listed(register_ids: Collection[str]) -> list[tuple[str]]:
    return [(one,) for one in register_ids]


def _read_back(
    conn: Connection, wanted: Sequence[Wanted], register_ids: Collection[str]
) -> Sequence[tuple[str, OrphanDocument]]:
    """The documents that were read back from these registers' FNs and may be asked for now.

    How old one may be is counted from the earliest of the clocks, as one of them may be ahead.
    """
    if not _ORPHANED.rows(conn, _listed(register_ids)):
        return ()  # as always but after a restore
    keys = {one.options[0].receipt.key for one in wanted}
    clocks = [one.at.replace(tzinfo=None) for one in wanted]
    clocks += [option.clock for one in wanted for option in one.options if option.clock is not None]
    return keyed_or_unread(
        conn,
        register_ids,
        {key for key in keys if key is not None},
        since=min(clocks) - UNREAD_LIVE,
    )


def _drained(group_id: str) -> KktBlocked:
    return KktBlocked(
        f"Every register of group {group_id} that can print this receipt is drained. Nothing was stored. "
        "Release one of them.",
        f"Все ККТ группы {group_id}, которые могут напечатать этот чек, освобождаются. Чек не принят. "
        "Верните одну из них в работу.",
        reason=BlockReason.DRAINED.value,
    )
