"""Everything that can refuse a receipt before it touches the database, and which registers could print it.

A till has one register. A group has several: each that could print the receipt is a candidate, with the
receipt as that register would print it. The choice among them is made in the commit (``choice.py``).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.ffd.vat import vat_differs
from kkt_adapter.fiscal.intake import buffer, known_keys
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.intake.policy import IntakePolicy
from kkt_adapter.fiscal.intake.suspicions import FoundSuspicions, Suspicions, is_about_others, look
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptRequest, RegisterProfile
from kkt_adapter.fiscal.printing.availability import takes_new
from kkt_adapter.fiscal.printing.blocked import BlockReason
from kkt_adapter.fiscal.printing.register_session import shift_expired
from kkt_adapter.fiscal.printing.registers import Group, Registers, Unit
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.holds import HoldMode
from kkt_adapter.fiscal.store.receipt_lookup import sale_of
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    BufferFull,
    IdempotencyConflict,
    KktBlocked,
    ReceiptInvalid,
    Violation,
)
from kkt_adapter.kernel.ids import FnNumber, ReceiptId, uuid7
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.log import get_logger


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A register that can print the receipt, and the receipt as it prints it."""

    unit: Unit
    checked: Checked


Candidates = tuple[Candidate, ...]


class ReceiptChecks:
    """Reads only; in demo mode it may make a register."""

    def __init__(
        self,
        *,
        database: Database,
        registers: Registers,
        clock: Clock,
        policy: IntakePolicy,
        disk: DiskMark,
    ) -> None:
        self._db = database
        self._registers = registers
        self._clock = clock
        self._policy = policy
        self._disk = disk
        self._log = get_logger("intake").bind()
        self._suspicions = Suspicions(refused=policy.refused_suspicions)

    async def candidates(
        self, request: ReceiptRequest, key: str, sent: AsSent
    ) -> tuple[Candidates, Receipt | None, int]:
        """The registers that can print this receipt, one at least; the refunded sale, if known here; and the
        newest receipt about the same that was seen (its seq, or 0).

        A till without a register gets one in demo mode only, and only for a receipt that would be stored.

        Raises:
            ReceiptInvalid, BufferFull, KktBlocked, ShiftExpired, KktUnavailable, RefundBlocked, Maintenance.
        """
        self._refuse_on_low_disk()
        group = self._registers.groups.find(request.pos_id)
        if group is not None:
            return await self._in_group(group, request, key, sent)
        if self._registers.find(request.pos_id) is None:
            await self._rehearse(request, key, sent)
        unit = await self._registers.for_till(request.pos_id)
        checked = self._complete(request, key, await unit.profile(), self._day(unit), sent, sent.late)
        checked, sale, looked = await self._look_around(request, checked, sent)
        self._refuse_if_blocked(unit)
        return (Candidate(unit=unit, checked=checked),), sale, looked

    async def faults(
        self, request: ReceiptRequest, key: str, sent: AsSent, prior: tuple[Violation, ...]
    ) -> tuple[Violation, ...]:
        """All that is wrong with a request whose form is broken, ``prior`` aside; stores nothing."""
        try:
            group = self._registers.groups.find(request.pos_id)
            unit = self._registers.find(request.pos_id) if group is None else group.units[0]
            if unit is None:
                self._complete(request, key, *self._prospect(request), sent, prior)
            else:
                self._complete(request, key, await unit.profile(), self._day(unit), sent, prior)
        except ReceiptInvalid as error:
            return error.violations
        except AdapterError as error:  # of the register: what is known already is told
            self._log.debug("form_only", code=error.code)
        return ()

    def must_be_synced(self, sale: Receipt | None) -> str | None:
        """The sale that must be delivered before this refund is taken."""
        return sale.id if sale is not None and self._policy.refund_requires_synced else None

    async def _in_group(
        self, group: Group, request: ReceiptRequest, key: str, sent: AsSent
    ) -> tuple[Candidates, Receipt | None, int]:
        fault = group.fault()
        if fault is not None:
            raise fault
        found: list[Candidate] = []
        refusals: list[AdapterError] = []
        sale: Receipt | None = None
        looks: list[int] = []
        seen: dict[Hashable, Checked | AdapterError] = {}
        receipt_id = self._new_id()
        for unit, profile in await self._profiles(group, refusals):
            likeness = _likeness(profile, self._day(unit))
            outcome = seen.get(likeness)
            if outcome is None:
                try:
                    outcome, sale, looked = await self._checked(request, key, profile, unit, sent, receipt_id)
                    looks.append(looked)
                except AdapterError as refusal:
                    outcome = refusal
                seen[likeness] = outcome
            if isinstance(outcome, AdapterError):
                refusals.append(outcome)
            elif not takes_new(unit):
                refusals.append(self._why_not(unit))
            else:
                receipt = replace(outcome.receipt, register_id=unit.register_id)
                found.append(Candidate(unit=unit, checked=replace(outcome, receipt=receipt)))
        if not found:
            raise _weightiest(refusals)
        return tuple(found), sale, min(looks)

    async def _profiles(
        self, group: Group, refusals: list[AdapterError]
    ) -> Sequence[tuple[Unit, RegisterProfile]]:
        """Of the registers whose facts are known; waits for the first one only where none is."""
        found = []
        for unit in group.units:
            try:
                found.append((unit, await unit.profile(wait_s=0.0)))
            except AdapterError as error:
                refusals.append(error)
        if found:
            return found
        refusals.clear()
        for unit in group.units:
            try:
                return [(unit, await unit.profile())]
            except AdapterError as error:
                refusals.append(error)
        return ()

    async def _checked(
        self,
        request: ReceiptRequest,
        key: str,
        profile: RegisterProfile,
        unit: Unit,
        sent: AsSent,
        receipt_id: ReceiptId,
    ) -> tuple[Checked, Receipt | None, int]:
        day = self._day(unit)
        checked = self._complete(request, key, profile, day, sent, sent.late, receipt_id=receipt_id)
        return await self._look_around(request, checked, sent)

    def _why_not(self, unit: Unit) -> AdapterError:
        try:
            self._refuse_if_blocked(unit)
        except AdapterError as refusal:
            return refusal
        return shift_expired()

    async def _rehearse(self, request: ReceiptRequest, key: str, sent: AsSent) -> None:
        """Raise what this receipt would be refused with, before a register is made for it. For a key that is
        known the refusal is not told: the first request's answer goes before it."""
        self._complete(request, key, *self._prospect(request), sent, sent.late)
        original = _original(request)
        sale = None if original is None else await self._db.read(lambda c: sale_of(c, original))
        key_hash, must_be_synced = receipt_json.key_hash(key), self.must_be_synced(sale)
        now = self._clock.now()

        def reason(conn: Connection) -> Exception | None:
            if known_keys.find_key(conn, key_hash) is not None:
                return IdempotencyConflict("this key is known", "этот ключ уже известен")
            return buffer.refusal_now(
                conn,
                default_capacity=self._policy.capacity,
                sale_must_be_synced=must_be_synced,
                forced=request.refund_force_reason is not None,
                at=now,
            )

        refusal = await self._db.read(reason)
        if refusal is not None:
            raise refusal

    def _day(self, unit: Unit) -> date:
        """The day of the document to come: of the wall clock, or of the register's where that is ahead, as it
        is after a document that was made under a clock set forward."""
        today, status = unit.today(self._clock), unit.lane.session.status
        return today if status is None else max(today, status.clock.date())

    def _prospect(self, request: ReceiptRequest) -> tuple[RegisterProfile, date]:
        """What a register that is not made yet would be like, and today there."""
        profile, zone = self._registers.prospect(request.pos_id)
        return profile, self._clock.now().astimezone(zone).date()

    def _new_id(self) -> ReceiptId:
        return ReceiptId(uuid7(int(self._clock.now().timestamp() * 1000)))

    def _complete(
        self,
        request: ReceiptRequest,
        key: str,
        profile: RegisterProfile,
        today: date,
        sent: AsSent,
        prior: tuple[Violation, ...],
        *,
        receipt_id: ReceiptId | None = None,
    ) -> Checked:
        checked = complete(
            request,
            receipt_id=receipt_id or self._new_id(),
            idempotency_key=key,
            profile=profile,
            today=today,
            prior=prior,
        )
        if not (checked.warnings or sent.warnings):
            return checked
        return Checked(receipt=checked.receipt, warnings=sent.told(checked.warnings))

    async def _look_around(
        self, request: ReceiptRequest, checked: Checked, sent: AsSent
    ) -> tuple[Checked, Receipt | None, int]:
        """The receipt with what is remarkable beside what is stored, the sale that it refunds if it is one of
        ours, and the newest receipt about the same. One read. Raises ReceiptInvalid."""
        original, receipt = _original(request), checked.receipt
        if original is None and not is_about_others(receipt):
            return checked, None, 0

        def read(conn: Connection) -> tuple[Receipt | None, FoundSuspicions]:
            sale = None if original is None else sale_of(conn, original)
            return sale, look(conn, receipt, sale)

        sale, seen = await self._db.read(read)
        if sale is not None:
            warning = vat_differs(receipt, frozenset(line.vat for line in sale.lines))
            if warning is not None:
                warning = replace(warning, field=sent.own_name(warning.field))
                checked = Checked(receipt=receipt, warnings=(*checked.warnings, warning))
        return self._suspicions.judge(checked, seen, sent), sale, seen.newest

    def _refuse_on_low_disk(self) -> None:
        if self._disk.is_low:
            raise BufferFull(
                f"Buffer full: the disk has less than {self._disk.mark_mb} MB free. Free some space.",
                f"Buffer full: на диске меньше {self._disk.mark_mb} МБ. Освободите место.",
                reason="DISK",
                retry_after=60,
            )

    def _refuse_if_blocked(self, unit: Unit) -> None:
        reason, trouble, hold = unit.lane.blocked, unit.lane.trouble, unit.lane.hold
        if reason is not None and trouble is not None:
            cause = trouble.detail
            raise KktBlocked(f"{cause.en} Nothing was stored.", f"{cause.ru} Чек не принят.", reason=reason)
        if hold is not None and hold.mode is HoldMode.DRAIN:
            raise KktBlocked(
                f"The register takes no new receipts, it is drained: {hold.reason}. Nothing was stored.",
                f"ККТ не принимает новых чеков, её освобождают: {hold.reason}. Чек не принят.",
                reason=BlockReason.DRAINED.value,
            )
        status = unit.lane.session.status
        if not unit.automatic_shift and status is not None and status.shift_state is ShiftState.EXPIRED:
            raise shift_expired()


def _original(request: ReceiptRequest) -> str | None:
    """The receipt that a refund names."""
    return request.original_receipt_id if request.kind is ReceiptKind.REFUND else None


def _likeness(profile: RegisterProfile, day: date) -> Hashable:
    """Registers that are alike in this make the same receipt of a request, their ids aside."""
    registration = replace(
        profile.registration, fn_number=FnNumber(""), registration_number="", serial_number=""
    )
    return profile.defaults, registration, day


def _weightiest(refusals: Sequence[AdapterError]) -> AdapterError:
    """Of several refusals that which helps the sender most: what is wrong with the receipt goes before what
    is wrong with a register."""
    for refusal in refusals:
        if isinstance(refusal, ReceiptInvalid):
            return refusal
    return refusals[0]
