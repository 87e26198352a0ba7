"""The content guard: a client that was left without an answer presses again, and its new id is no key.

A press is remembered in the transaction that accepts it, and forgotten when somebody of its account was told
the outcome. It guards against an equal press only while nobody is told and nobody waits: its client has gone,
its time was over, or the process that held it has ended. Two equal coffees that are sold at once both have a
client that waits, so neither guards against the other.

What it compares is the account and what was sent, never the register: the second press may come to another
one.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, select

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.store.press_tables import presses
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.errors import Conflict
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.columns import from_millis, millis

LIVES = timedelta(days=32)
"""A press that nobody ever asked about is forgotten then, as its key is."""


class PressState(Enum):
    """How far an earlier press has come."""

    UNDER_WAY = "under way"  # the register will finish it
    ASKED = "asked"  # a person decides whether it was printed
    DONE = "done"
    REFUSED = "refused"  # nothing was printed, and nothing will be by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press as it stands in the database."""

    subject: str
    owner: str
    accepted_at: datetime
    state: PressState


class PressRepeated(Conflict):
    """An equal press is not settled: nothing was stored."""

    def __init__(self, press: Press) -> None:
        super().__init__(
            "the same was sent before, and its outcome is not settled",
            "то же самое уже отправлено, и исход ещё не известен",
        )
        self.press = press


class Callers:
    """Who waits in this process for the outcome of a press. Changed on the event loop only; read in the
    database's thread as well, where one membership test is all that is done."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._waiting: dict[str, int] = {}
        self._told: set[str] = set()
        self.something_told = asyncio.Event()

    def wait(self, subject: str) -> None:
        """A client waits; to be ended by ``leave`` or ``tell``. Several may."""
        self._waiting[subject] = self._waiting.get(subject, 0) + 1

    def leave(self, subject: str) -> None:
        """One client fewer; it got no final answer."""
        left = self._waiting.get(subject, 0) - 1
        if left > 0:
            self._waiting[subject] = left
        else:
            self._waiting.pop(subject, None)

    def tell(self, subject: str) -> None:
        """Somebody of the account got the final answer: the press guards no more."""
        self._told.add(subject)
        self.something_told.set()

    def settled(self, press: Press) -> bool:
        """Whether a press keeps nobody from pressing again, as far as this process knows."""
        return self.is_told(press.subject) or self.waits_for(press)

    def is_told(self, subject: str) -> bool:
        return subject in self._told

    def waits_for(self, press: Press) -> bool:
        """Whether a client of this process waits for its outcome."""
        return press.owner == self.owner and press.subject in self._waiting

    def told(self) -> frozenset[str]:
        """What can be forgotten in the database by a commit that is made anyway."""
        return frozenset(self._told)

    def take_told(self) -> set[str]:
        """What can be forgotten in the database, to be confirmed by ``forgotten``."""
        self.something_told.clear()
        return set(self._told)

    def forgotten(self, subjects: Iterable[str]) -> None:
        self._told.difference_update(subjects)


class Caller:
    """One client and the press that it waits for. Once ended it takes no other."""

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self._subject: str | None = None
        self.ended = False

    def takes(self, subject: str) -> None:
        """From before the press is stored until ``end``."""
        if self.ended:  # an action that outlives its client's patience
            return
        self._drop()
        self._subject = subject
        self.callers.wait(subject)

    def end(self) -> None:
        """The client waits no more; what it was told is told to ``callers`` before."""
        self.ended = True
        self._drop()

    def _drop(self) -> None:
        subject, self._subject = self._subject, None
        if subject is not None:
            self.callers.leave(subject)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class PressGuard:
    """What a door asks the intake to compare in the transaction that accepts."""

    account: str
    content: bytes
    caller: Caller
    guard_for: timedelta | None  # then a press goes through all the same; None: the clock cannot tell when


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class NewPress:
    """One that the same transaction takes."""

    subject: str
    guard: PressGuard
    at: datetime

    @property
    def row(self) -> tuple[str | bytes | int, ...]:
        """In the order of ``INSERT_PRESSES``."""
        guard = self.guard
        return (self.subject, guard.account, guard.content, guard.caller.callers.owner, millis(self.at))

    def is_like(self, guard: PressGuard) -> bool:
        return (self.guard.account, self.guard.content) == (guard.account, guard.content)

    @property
    def press(self) -> Press:
        owner = self.guard.caller.callers.owner
        return Press(subject=self.subject, owner=owner, accepted_at=self.at, state=PressState.UNDER_WAY)


def guards(press: Press, guard: PressGuard, *, at: datetime) -> bool:
    """The rule: does this earlier press keep an equal one from being taken?

    Two clients that both wait sell two equal things. One that has gone before its press was stored may have
    pressed again since, and the earlier press is its own.
    """
    callers = guard.caller.callers
    if press.state is PressState.REFUSED or callers.is_told(press.subject):
        return False
    if callers.waits_for(press) and not guard.caller.ended:
        return False
    if press.state is PressState.UNDER_WAY:
        return True  # it ends by itself, and an equal receipt beside it is a double one
    return guard.guard_for is None or at - press.accepted_at < guard.guard_for


class EqualPresses:
    """The stored presses that are like those of one transaction: one statement for all of them."""

    def __init__(self, conn: Connection, asked: Sequence[PressGuard]) -> None:
        self._stored = _equal(conn, {(guard.account, guard.content) for guard in asked}) if asked else {}

    def repeated(
        self, guard: PressGuard, *, at: datetime, beside: Sequence[NewPress] = ()
    ) -> PressRepeated | None:
        """An earlier press that keeps this one from being taken, the oldest first. ``beside``: those that the
        same transaction takes before it."""
        stored = self._stored.get((guard.account, guard.content), ())
        for press in (*stored, *(one.press for one in beside if one.is_like(guard))):
            if guards(press, guard, at=at):
                return PressRepeated(press)
        return None


def equal_press(
    conn: Connection, guard: PressGuard, *, at: datetime, beside: Sequence[NewPress] = ()
) -> PressRepeated | None:
    """The same for one press."""
    return EqualPresses(conn, (guard,)).repeated(guard, at=at, beside=beside)


INSERT_PRESSES: Final = bulk_insert(
    presses,
    presses.c.subject,
    presses.c.account,
    presses.c.content,
    presses.c.owner,
    presses.c.accepted_at,
)


def remember(conn: Connection, subject: str, guard: PressGuard, *, at: datetime) -> None:
    """In the transaction that accepts ``subject``."""
    INSERT_PRESSES.run(conn, [NewPress(subject=subject, guard=guard, at=at).row])


def press_of(conn: Connection, subject: str) -> Press | None:
    """None: it was told, or never pressed."""
    row = conn.execute(_PRESSES.where(presses.c.subject == subject)).first()
    return None if row is None else _press(row)


_FORGET: Final = bulk(
    (presses.c.subject,),
    lambda given: delete(presses).where(presses.c.subject.in_(select(given.c.subject))),
)


def forget(conn: Connection, subjects: Sequence[str]) -> None:
    if subjects:
        _FORGET.put(conn, [(subject,) for subject in subjects])


def forget_old(conn: Connection, *, at: datetime) -> int:
    """Those whose receipt is settled, or that were no receipt, and that are older than any key."""
    unsettled = select(receipts.c.id).where(
        receipts.c.id == presses.c.subject, receipts.c.print_state.in_([one.value for one in _UNSETTLED])
    )
    old = and_(presses.c.accepted_at < at - LIVES, ~unsettled.exists())
    return conn.execute(delete(presses).where(old)).rowcount


_UNSETTLED = (PrintState.NEW, PrintState.PRINTING, PrintState.PRINT_UNKNOWN)
_STATES = {
    PrintState.NEW: PressState.UNDER_WAY,
    PrintState.PRINTING: PressState.UNDER_WAY,
    PrintState.PRINT_UNKNOWN: PressState.ASKED,
    PrintState.PRINTED: PressState.DONE,
    PrintState.PRINT_FAILED: PressState.REFUSED,
}
_PRESSES = (
    select(
        presses.c.subject,
        presses.c.owner,
        presses.c.accepted_at,
        receipts.c.print_state,
        receipts.c.print_due_at,
    )
    .select_from(presses.outerjoin(receipts, receipts.c.id == presses.c.subject))
    .order_by(presses.c.accepted_at, presses.c.subject)
)


_EQUAL: Final = bulk(
    (presses.c.account, presses.c.content),
    lambda given: (
        select(
            presses.c.account,
            presses.c.content,
            presses.c.subject,
            presses.c.owner,
            presses.c.accepted_at,
            receipts.c.print_state,
            receipts.c.print_due_at,
        )
        .select_from(
            presses.join(
                given, and_(presses.c.account == given.c.account, presses.c.content == given.c.content)
            ).outerjoin(receipts, receipts.c.id == presses.c.subject)
        )
        .order_by(presses.c.accepted_at, presses.c.subject)
    ),
)


def _equal(
    conn: Connection, asked: Collection[tuple[str, bytes]]
) -> Mapping[tuple[str, bytes], Sequence[Press]]:
    found: dict[tuple[str, bytes], list[Press]] = {}
    for account, content, *press_row in _EQUAL.rows(conn, list(asked)):
        subject, owner, accepted_at, print_state, print_due_at = press_row
        due_at = None if print_due_at is None else from_millis(print_due_at)
        state = PressState.DONE if print_state is None else state_of(print_state, due_at)
        press = Press(subject=subject, owner=owner, accepted_at=from_millis(accepted_at), state=state)
        found.setdefault((account, bytes(content)), []).append(press)
    return found


def _press(row: Any) -> Press:
    """Without a receipt it is a cash movement: stored, so done."""
    done = row.print_state is None
    state = PressState.DONE if done else state_of(row.print_state, row.print_due_at)
    return Press(subject=row.subject, owner=row.owner, accepted_at=row.accepted_at, state=state)


def state_of(print_state: str, print_due_at: datetime | None) -> PressState:
    """A refused receipt that is tried again by itself is still under way."""
    state = _STATES[PrintState(print_state)]
    return PressState.UNDER_WAY if state is PressState.REFUSED and print_due_at is not None else state
