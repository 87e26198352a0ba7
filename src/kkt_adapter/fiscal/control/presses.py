"""What the KkmServer door asks of the database: what became of a press, and which number a register has.

Also a ``Service``: presses whose outcome was told are forgotten in groups, so that a sale costs no second
commit. If the process ends before that, the press guards a little longer and the next one like it is asked
about.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, select

from kkt_adapter.fiscal.control import shift_reports
from kkt_adapter.fiscal.control.shift_reports import BOUND, OPEN_SCOPE, X_SCOPE, Z_SCOPE
from kkt_adapter.fiscal.intake import press_guard
from kkt_adapter.fiscal.intake.accept import Taken
from kkt_adapter.fiscal.intake.known_keys import Known, find_keys
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.intake.press_guard import Callers, Press, PressState, state_of
from kkt_adapter.fiscal.model import Receipt, ReceiptWarning
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.device_numbers import DeviceName, device_names, name_devices
from kkt_adapter.fiscal.store.receipt_json import key_hash
from kkt_adapter.fiscal.store.tables import receipts, report_keys
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.discretion import without_places
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within

FORGET_EVERY_S: Final = 0.05  # what no sale has forgotten by then is forgotten together
OLD_EVERY_S: Final = 3600.0
CASH_SCOPE: Final = "cash"
SCOPES: Final = (CASH_SCOPE, Z_SCOPE.name, OPEN_SCOPE.name, X_SCOPE.name)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class PressOutcome:
    """One receipt as its client asks about it."""

    receipt_id: str
    register_id: str
    state: PressState
    receipt: Receipt
    doc: Mapping[str, Any] | None  # ``fiscal_doc`` of a printed one
    error: str | None  # what the register said last, without addresses
    warnings: tuple[ReceiptWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """What an action's key was used for. ``answer`` is None while it is under way."""

    key: str  # the stored one, which may be that of an earlier id of the account
    scope: str
    answer: Mapping[str, Any] | None
    request_hash: bytes

    def is_of(self, register_id: str, *, till: str | None) -> bool:
        """Whether it was carried out, or is being, on this register, whose own till is ``till``. Of cash that
        is known once there is an answer."""
        if self.scope == CASH_SCOPE:
            return till is not None and self.answer is not None and self.answer.get("pos_id") == till
        return shift_reports.is_for(register_id, self.request_hash)


@dataclass(slots=True)
class PressStats:
    """Plain counts of this process."""

    commands: dict[tuple[str, int], int] = field(default_factory=dict)  # by command and Status
    repeated: int = 0  # commands whose IdCommand was carried out, or is under way
    guarded: int = 0  # presses that waited for an equal one under another IdCommand
    held: int = 0  # answers that are held now

    def answered(self, command: str, status: int) -> None:
        self.commands[command, status] = self.commands.get((command, status), 0) + 1


class Presses:
    """Reads at any rate; ``run`` writes."""

    name = "presses"

    def __init__(
        self,
        *,
        database: Database,
        callers: Callers,
        clock: Clock,
        may_forget: Callable[[timedelta], bool],
    ) -> None:
        """``may_forget``: is what looks so old surely so old?"""
        self._db = database
        self._may_forget = may_forget
        self._clock = clock
        self._log = get_logger("presses")
        self._names: Mapping[str, DeviceName] = {}
        self.stats = PressStats()
        self.callers = callers

    async def names(self, register_ids: Iterable[str]) -> Mapping[str, DeviceName]:
        """The numbers of registers; those that have none get one."""
        wanted = tuple(register_ids)
        if not self._names.keys() >= set(wanted):
            stored = await self._db.read(device_names)
            if not stored.keys() >= set(wanted):
                now = self._clock.now()
                stored = await self._db.write(lambda c: name_devices(c, wanted, at=now))
            self._names = stored
        return self._names

    async def outcome(self, receipt_id: str) -> PressOutcome | None:
        """None: there is no such receipt."""
        return await self._db.read(lambda c: _outcome(c, receipts.c.id == receipt_id))

    async def printed(self, register_id: str, fd_number: int, *, account: str) -> PressOutcome | None:
        """An account's receipt on a register by its document's number; 0: the last that was printed."""

        def read(conn: Connection) -> PressOutcome | None:
            mine = and_(receipts.c.register_id == register_id, receipts.c.account == account)
            if fd_number:
                return _outcome(conn, mine & (receipts.c.fiscal_doc_number == fd_number))
            return _outcome(conn, mine & receipts.c.fiscal_doc_number.is_not(None))

        return await self._db.read(read)

    async def used_for(self, origin: Origin) -> Known | ActionRecord | None:
        """What a client's key was used for; None: it is new."""

        def read(conn: Connection) -> Known | ActionRecord | None:
            return find_keys(conn, origin.key_hashes) or _action(conn, origin)

        return await self._db.read(read)

    async def action(self, origin: Origin) -> ActionRecord | None:
        """What became of a cash movement or a report under this key."""
        return await self._db.read(lambda c: _action(c, origin))

    async def press(self, subject: str) -> Press | None:
        """None: its outcome was told, so it guards no more."""
        return await self._db.read(lambda c: press_guard.press_of(c, subject))

    def guards_for(self, minutes: float) -> timedelta | None:
        """How long an equal press is kept out; None: the clock is doubted, so nobody knows how old one is."""
        longest = timedelta(minutes=minutes)
        return longest if self._may_forget(longest) else None

    async def forget_told(self, among: frozenset[str] | None = None) -> None:
        """``among`` these only: sales that come meanwhile forget what was told, in their own commits."""
        told = self.callers.take_told()
        due = told if among is None else told & among
        if len(due) < len(told):
            self.callers.something_told.set()
        if due:
            await self._db.write(lambda c: press_guard.forget(c, sorted(due)))
            self.callers.forgotten(due)

    async def _forget_old(self) -> None:
        if not self._may_forget(press_guard.LIVES):
            return
        now = self._clock.now()
        await self._db.write(lambda c: press_guard.forget_old(c, at=now))

    async def run(self, stop: asyncio.Event) -> None:
        """Forget what was told, until ``stop``; then the rest."""
        old_at = self._clock.monotonic()
        while True:
            await happens_within(self._clock, OLD_EVERY_S, self.callers.something_told, stop)
            told = self.callers.told()
            stopped = await happens_within(self._clock, FORGET_EVERY_S, stop)
            try:
                await self.forget_told(None if stopped else told)
                if self._clock.monotonic() >= old_at and not stopped:
                    old_at = self._clock.monotonic() + OLD_EVERY_S
                    await self._forget_old()
            except AdapterError as error:  # the database is gone for now: the presses guard meanwhile
                self._log.warning("presses_not_forgotten", code=error.code)
            if stopped:
                return


def action_hashes(keys: Iterable[str]) -> Mapping[bytes, tuple[str, str]]:
    """Under which a stored key may have been used for an action: hash -> stored key, scope."""
    return {key_hash(key, scope=scope): (key, scope) for key in keys for scope in SCOPES}


def _action(conn: Connection, origin: Origin) -> ActionRecord | None:
    hashes = action_hashes(origin.keys)
    query = select(report_keys).where(report_keys.c.key_hash.in_(list(hashes)))
    row = conn.execute(query).first()
    if row is None:
        return None
    answer = None if row.answer is None else jsontext.decode(row.answer)
    under_way = answer is None or BOUND in answer
    key, scope = hashes[bytes(row.key_hash)]
    return ActionRecord(
        key=key,
        scope=scope,
        answer=None if under_way else answer,
        request_hash=bytes(row.request_hash),
    )


_TOLD: Final = ("fiscal_doc_number", "shift_number", "receipt_number", "qr_code_data")
"""No money: the quick reader of JSON would make it a float."""


def outcome_of(taken: Taken, answer: str) -> PressOutcome:
    """Of a receipt whose document came while its client waited. ``doc`` has only what the answer tells."""
    doc = orjson.loads(answer)["fiscal_doc"]
    return PressOutcome(
        receipt_id=taken.receipt_id,
        register_id=taken.register_id,
        state=PressState.DONE,
        receipt=taken.checked.receipt,
        doc={name: doc.get(name) for name in _TOLD},
        error=None,
        warnings=taken.checked.warnings,
    )


def _outcome(conn: Connection, which: Any) -> PressOutcome | None:
    row = conn.execute(select(receipts).where(which).order_by(receipts.c.seq.desc()).limit(1)).first()
    if row is None:
        return None
    return PressOutcome(
        receipt_id=row.id,
        register_id=row.register_id,
        state=state_of(row.print_state, row.print_due_at),
        receipt=receipt_json.load(row.payload),
        doc=None if row.fiscal_doc is None else jsontext.decode(row.fiscal_doc),
        error=None if row.last_error is None else without_places(row.last_error),
        warnings=receipt_json.load_warnings(row.warnings),
    )
