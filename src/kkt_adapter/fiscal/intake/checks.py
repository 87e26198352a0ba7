"""Everything that can refuse a receipt before it touches the database."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.ffd.vat import vat_differs
from kkt_adapter.fiscal.intake import buffer
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.intake.policy import IntakePolicy
from kkt_adapter.fiscal.intake.suspicions import Suspicions
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptRequest, RegisterProfile
from kkt_adapter.fiscal.printing.register_session import shift_expired
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.receipt_lookup import sale_of
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import BufferFull, IdempotencyConflict, KktBlocked, Violation
from kkt_adapter.kernel.ids import ReceiptId, uuid7
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark


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
        self._suspicions = Suspicions(database=database, refused=policy.refused_suspicions)

    async def check(
        self, request: ReceiptRequest, key: str, sent: AsSent
    ) -> tuple[Unit, Checked, Receipt | None, int]:
        """Everything that can refuse a receipt before it touches the database; the third is the refunded
        sale, if it is known here, the fourth what ``Suspicions.look`` saw.

        A till without a register gets one in demo mode only, and only for a receipt that would be stored.
        """
        self._refuse_on_low_disk()
        if self._registers.find(request.pos_id) is None:
            await self._rehearse(request, key, sent)
        unit = await self._registers.for_till(request.pos_id)
        checked = self.complete(request, key, await unit.profile(), self.day(unit), sent, sent.late)
        checked, sale = await self._compare_with_sale(request, checked, sent)
        checked, looked = await self._suspicions.look(checked, sale, sent)
        self._refuse_if_blocked(unit)
        return unit, checked, sale, looked

    async def _rehearse(self, request: ReceiptRequest, key: str, sent: AsSent) -> None:
        """Raise what this receipt would be refused with, before a register is made for it. For a key that is
        known the refusal is not told: the first request's answer goes before it."""
        checked = self.complete(request, key, *self.prospect(request), sent, sent.late)
        _, sale = await self._compare_with_sale(request, checked, sent)
        key_hash, must_be_synced = receipt_json.key_hash(key), self.must_be_synced(sale)
        now = self._clock.now()

        def look(conn: Connection) -> Exception | None:
            if buffer.find_key(conn, key_hash) is not None:
                return IdempotencyConflict("this key is known", "этот ключ уже известен")
            return buffer.refusal_now(
                conn,
                default_capacity=self._policy.capacity,
                sale_must_be_synced=must_be_synced,
                forced=request.refund_force_reason is not None,
                at=now,
            )

        refusal = await self._db.read(look)
        if refusal is not None:
            raise refusal

    def must_be_synced(self, sale: Receipt | None) -> str | None:
        return sale.id if sale is not None and self._policy.refund_requires_synced else None

    def day(self, unit: Unit) -> date:
        """The day of the document to come: of the wall clock, or of the register's where that is ahead, as it
        is after a document that was made under a clock set forward."""
        today, status = unit.today(self._clock), unit.lane.session.status
        return today if status is None else max(today, status.clock.date())

    def prospect(self, request: ReceiptRequest) -> tuple[RegisterProfile, date]:
        """What a register that is not made yet would be like, and today there."""
        profile, zone = self._registers.prospect(request.pos_id)
        return profile, self._clock.now().astimezone(zone).date()

    def complete(
        self,
        request: ReceiptRequest,
        key: str,
        profile: RegisterProfile,
        today: date,
        sent: AsSent,
        prior: tuple[Violation, ...],
    ) -> Checked:
        now = self._clock.now()
        checked = complete(
            request,
            receipt_id=ReceiptId(uuid7(int(now.timestamp() * 1000))),
            idempotency_key=key,
            profile=profile,
            today=today,
            prior=prior,
        )
        if not (checked.warnings or sent.warnings):
            return checked
        return Checked(receipt=checked.receipt, warnings=sent.told(checked.warnings))

    async def _compare_with_sale(
        self, request: ReceiptRequest, checked: Checked, sent: AsSent
    ) -> tuple[Checked, Receipt | None]:
        """The receipt with what its sale makes remarkable, and that sale, if it refunds one of ours."""
        original = request.original_receipt_id
        if request.kind is not ReceiptKind.REFUND or original is None:
            return checked, None
        sale = await self._db.read(lambda c: sale_of(c, original))
        if sale is None:
            return checked, None
        warning = vat_differs(checked.receipt, frozenset(line.vat for line in sale.lines))
        if warning is not None:
            warning = replace(warning, field=sent.own_name(warning.field))
            checked = Checked(receipt=checked.receipt, warnings=(*checked.warnings, warning))
        return checked, sale

    def _refuse_on_low_disk(self) -> None:
        if self._disk.is_low:
            raise BufferFull(
                f"Buffer full: the disk has less than {self._disk.mark_mb} MB free. Free some space.",
                f"Buffer full: на диске меньше {self._disk.mark_mb} МБ. Освободите место.",
                reason="DISK",
                retry_after=60,
            )

    def _refuse_if_blocked(self, unit: Unit) -> None:
        reason, trouble = unit.lane.blocked, unit.lane.trouble
        if reason is not None and trouble is not None:
            cause = trouble.detail
            raise KktBlocked(f"{cause.en} Nothing was stored.", f"{cause.ru} Чек не принят.", reason=reason)
        status = unit.lane.session.status
        if not unit.automatic_shift and status is not None and status.shift_state is ShiftState.EXPIRED:
            raise shift_expired()
