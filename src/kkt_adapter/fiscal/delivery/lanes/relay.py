"""The relay transport: the FN owns the queue, we carry its bytes (delivery.md#transports).

Read the FN's oldest message, send it as it is, hand the operator's answer back to the FN. Only when the
FN has taken the confirmation is the receipt ``synced``. The FN cannot skip a document, so a refused one
holds its own FN, and no other. The claim here is the print lane's lease: who drives the register pumps it.

Rows follow the FN, so they are compared with it whenever one may have missed something: after a start, after
a result that could not be written, after an answer that may not have reached the FN, and for a document that
went out before its receipt was written down.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from kkt_adapter.fiscal.delivery import reconcile, results
from kkt_adapter.fiscal.delivery.claims import Claim
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import LaneHead, PassStats, Permit
from kkt_adapter.fiscal.delivery.lanes.ledger import DeliveryLedger
from kkt_adapter.fiscal.delivery.outcome import HELD_RETRY_S, RetryDecision, decide
from kkt_adapter.fiscal.delivery.results import Failed, Synced
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.model import DocumentCode, OfdMessage
from kkt_adapter.fiscal.ofd.gateway import OfdGateway, OfdReply
from kkt_adapter.fiscal.store import document_bytes
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.clock_drift import drift_of_unknown_zone_s, moment_of_unknown_zone
from kkt_adapter.kernel.errors import AdapterError, KktError, KktRefused, LeaseLost, OfdError
from kkt_adapter.runtime.db.protocol import Database

PAUSE_S = 1.0  # after trouble with rows or register
LOOK_AGAIN_S = 10.0  # an FN without messages is compared with our rows this often
NO_NUMBER = 2**31 - 1  # above every document number a register will reach
MONEY_DOCUMENT_CODES = (
    DocumentCode.RECEIPT,
    DocumentCode.BSO,
    DocumentCode.CORRECTION,
    DocumentCode.BSO_CORRECTION,
)


class RelayLane:
    """A ``DeliveryLane`` over one register's FN."""

    def __init__(
        self,
        fn_number: str,
        *,
        driver: KktDriver,
        gateway: OfdGateway,
        endpoint: Endpoint,
        database: Database,
        clock: Clock,
        owner: str,
        max_attempts: int,
        holds_register: Callable[[], bool],
        in_flight: Callable[[], bool],
        confirmed: Callable[[], None] = lambda: None,
    ) -> None:
        """``in_flight``: a receipt is being printed or written down just now."""
        self.fn_number = fn_number
        self.endpoint = endpoint
        self._driver = driver
        self._gateway = gateway
        self._db = database
        self._clock = clock
        self._owner = owner
        self._max_attempts = max_attempts
        self._holds_register = holds_register
        self._in_flight = in_flight
        self._confirmed = confirmed
        self._not_before = 0.0  # monotonic; the FN waits after a failure
        self._failed_reports = 0  # failed attempts of a head document that is no receipt
        self._reconciled = False  # our rows say what the FN says
        self._looked_at = float("-inf")  # monotonic: when they were last compared
        self._ahead = 0  # a receipt's document that went out before its row was known
        self._log = structlog.get_logger("relay").bind(fn_number=fn_number)

    def forget_wait(self) -> None:
        self._not_before = 0.0

    def due_in_s(self) -> float | None:
        left = self._not_before - self._clock.monotonic()
        return left if left > 0 else None

    async def head(self, *, ignore_due: bool) -> LaneHead | None:
        message = await self._next(ignore_due=ignore_due)
        if message is None:
            return None
        now = self._clock.now()
        waiting = await self._db.read(lambda c: reconcile.waiting_fns(c, [self.fn_number], now=now))
        retries = waiting[0].head_retry_count if waiting else self._failed_reports
        return LaneHead(fd_number=message.fd_number, retry_count=retries)

    async def drain(self, permit: Permit, stats: PassStats, *, limit: int | None) -> None:
        ledger = DeliveryLedger(self.fn_number, database=self._db, clock=self._clock, owner=self._owner)
        try:
            await self._drain(ledger, permit, stats, limit)
            await ledger.write()
        except AdapterError as error:
            self._log.warning("delivery_stopped", code=error.code, error=error.detail.en)
            self._not_before = self._clock.monotonic() + PAUSE_S
            self._reconciled = False
            with suppress(AdapterError):
                await ledger.write()  # so that nobody waits for the end of claims that were not used
        finally:
            if ledger.leave():
                self._reconciled = False  # the FN has confirmed what our rows do not say yet

    async def _drain(
        self, ledger: DeliveryLedger, permit: Permit, stats: PassStats, limit: int | None
    ) -> None:
        tried = 0
        while permit.may_go_on() and (limit is None or tried < limit):
            if self._must_compare and not ledger.is_written:
                await ledger.write()
            message = await self._next(ignore_due=permit.ignore_due, written=ledger.is_written)
            if message is None:
                return
            claim = ledger.claim_on(message.fd_number)
            if claim is None:
                in_flight = self._is_in_flight(message)
                claim = await ledger.claim(message.fd_number, most=None if limit is None else limit - tried)
                if claim is None and in_flight:
                    return  # its lane says when it is there, or has said so meanwhile
            if claim is not None:
                self._note_claimed(message)
            tried += 1
            await self._carry(message, claim, ledger, stats)
            if self._not_before > self._clock.monotonic():
                return

    async def _next(self, *, ignore_due: bool, written: bool = True) -> OfdMessage | None:
        """The FN's oldest message. ``written``: our rows know of every answer that the FN has taken; nothing
        is compared without that, because a row that is set to the FN's word takes no result any more."""
        if not self._holds_register():
            return None
        if not ignore_due and self._clock.monotonic() < self._not_before:
            return None
        try:
            if self._must_compare:
                await self._reconcile()
            message = await self._driver.read_message()
            if message is None and written and (self._is_look_due() or await self._row_waits()):
                await self._reconcile()  # a row that was written late must not wait for an empty FN
        except KktError as error:
            self._log.info("register_not_readable", error=error.detail.en)
            return None
        return message if message is None or message.fn_number == self.fn_number else None

    @property
    def _must_compare(self) -> bool:
        return not self._reconciled or bool(self._ahead)

    def _is_look_due(self) -> bool:
        return self._clock.monotonic() - self._looked_at >= LOOK_AGAIN_S

    async def _row_waits(self) -> bool:
        return await self._db.read(lambda c: reconcile.behind_fn(c, self.fn_number, below=NO_NUMBER))

    async def _reconcile(self) -> None:
        """What the FN has confirmed is synced, whatever our rows say."""
        status = await self._driver.exchange_status()
        if status.fn_number != self.fn_number:
            return  # the register has another FN now; its lane is another one
        below = status.first_unsent_number or status.last_fd_number + 1
        await self._confirm(below)
        self._reconciled, self._looked_at = True, self._clock.monotonic()

    async def _confirm(self, below: int) -> None:
        if not await self._db.read(lambda c: reconcile.behind_fn(c, self.fn_number, below=below)):
            return
        now = self._clock.now()
        await self._db.write(lambda c: reconcile.confirmed_by_fn(c, self.fn_number, below=below, at=now))

    def _note_claimed(self, message: OfdMessage) -> None:
        """Documents are written down in their order: whatever went ahead is in the rows by now."""
        if message.fd_number > self._ahead:
            self._reconciled = self._reconciled and not self._ahead
            self._ahead = 0

    def _is_in_flight(self, message: OfdMessage) -> bool:
        """May this be the document that is being written down? To be asked before the claim: a document that
        is written down while the claim waits for its turn is no longer in flight, and yet was not found."""
        return message.code in MONEY_DOCUMENT_CODES and self._in_flight()

    async def _carry(
        self, message: OfdMessage, claim: Claim | None, ledger: DeliveryLedger, stats: PassStats
    ) -> None:
        """Send one message and tell the FN.

        ``claim`` None: a report without a receipt, a receipt that is not written down, or a dead letter that
        the FN keeps at its head; then everything before it is written.

        Raises:
            LeaseLost: the register is not ours any more; nothing was sent.
        """
        if not self._holds_register():
            raise LeaseLost(f"the register of FN {self.fn_number} is not ours any more")
        probing = self.endpoint.state is BreakerState.HALF_OPEN
        started = self._clock.monotonic()
        try:
            with self.endpoint.calls.call():
                reply = await self._gateway.deliver(message)
            took_s, told = self._clock.monotonic() - started, reply.replied_at
            now = self._clock.now()
            drift_s = None if told is None else drift_of_unknown_zone_s(told, at=now)
            at = None if told is None else moment_of_unknown_zone(told, at=now)
            if reply.response_code:
                await self._tell_alarm(message, claim, reply.response_code)
            await self._driver.accept_reply(reply.raw)
            self._confirmed()
        except (OfdError, KktError) as error:
            if isinstance(error, KktError) and not isinstance(error, KktRefused):
                self._reconciled = False  # the answer may have reached the FN after all
            await self._failed(message, claim, error, probing, ledger, stats)
            return
        self.endpoint.succeeded(took_s, drift_s=drift_s, told=at)
        self._failed_reports = 0
        self._not_before = 0.0
        if reply.response_code:
            self.endpoint.alarmed(reply.response_code)
        if claim is None:
            await self._keep_ticket(message, reply)
            await self._confirm_orphan(message)
            return
        stats.synced += 1
        ledger.delivered(Synced(claim=claim, at=now, ofd_id=reply.operator_sign, ticket=reply.raw))

    async def _tell_alarm(self, message: OfdMessage, claim: Claim | None, code: int) -> None:
        """The operator takes the document and finds fault with it: the response code (ofd-protocol.md).

        Written before the FN takes the answer: an FN that has it never sends the document again, so what is
        not on disk by then nobody would hear of after a break. Raises StorageError: the document stays first.
        """
        self._log.error("operator_answered_with_code", fd_number=message.fd_number, code=code)
        now = self._clock.now()
        await self._db.write(lambda c: results.write_alarm(c, code, now, message=message, claim=claim))

    async def _keep_ticket(self, message: OfdMessage, reply: OfdReply) -> None:
        """Of a document without a claim."""
        ticket = (message.fn_number, message.fd_number, reply.raw)
        await self._db.write(lambda c: document_bytes.keep_tickets(c, [ticket]))

    async def _confirm_orphan(self, message: OfdMessage) -> None:
        """A report needs no row; a receipt that was not claimed becomes synced when its row can."""
        if message.code in MONEY_DOCUMENT_CODES:
            self._ahead = message.fd_number
            await self._confirm(message.fd_number + 1)

    async def _failed(
        self,
        message: OfdMessage,
        claim: Claim | None,
        error: AdapterError,
        probing: bool,
        ledger: DeliveryLedger,
        stats: PassStats,
    ) -> None:
        failed_before = self._failed_reports if claim is None else claim.retry_count
        decision = decide(
            error, failed_before=failed_before, probing=probing, max_attempts=self._max_attempts
        )
        self.endpoint.heard(decision.signal, label=decision.label, error=error.detail.en)
        stats.failed += 1
        if len(stats.errors) < 5:
            stats.errors.append(error.detail.en)
        delay_s = decision.delay_s
        if claim is None:
            self._failed_reports += int(decision.counts)
            held = await self._db.read(lambda c: reconcile.failed_head(c, self.fn_number, message.fd_number))
            delay_s = HELD_RETRY_S if held else delay_s
        elif decision.to_dead_letters:
            delay_s = HELD_RETRY_S
        self._not_before = self._clock.monotonic() + delay_s
        self._log.warning(
            "delivery_failed",
            receipt_id=None if claim is None else claim.receipt_id,
            fd_number=message.fd_number,
            code=decision.label,
            retry_in_s=delay_s,
        )
        if claim is not None:
            await ledger.write(self._failure(claim, error, decision, delay_s))

    def _failure(self, claim: Claim, error: AdapterError, decision: RetryDecision, delay_s: float) -> Failed:
        now = self._clock.now()
        return Failed(
            claim=claim,
            at=now,
            error=f"{decision.label}: {error.detail.en}",
            due_at=now + timedelta(seconds=delay_s),
            counts=decision.counts,
            to_dead_letters=decision.to_dead_letters,
        )
