"""The HTTP transport: receipts of one FN posted one after another (ofd-http.md).

Here the rows are the queue. A receipt that the operator rejects waits alone for its own due time and the
others of its FN pass. A channel failure holds the whole FN until the same time; it is the lane that waits
then, not the row, so that after a restart nobody passes the head.
"""

from datetime import UTC, datetime, timedelta

import structlog

from kkt_adapter.fiscal.delivery import receipt_body, reconcile, results
from kkt_adapter.fiscal.delivery.claims import Claim, ClaimedContents, ClaimRequest
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import LaneHead, PassStats, Permit
from kkt_adapter.fiscal.delivery.outcome import decide
from kkt_adapter.fiscal.delivery.results import Failed, LaneStep, Synced
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, LeaseLost, OfdError, OfdRejected
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger

CLAIM_S = 300.0  # delivery.md#claims
PROFILE = 2  # version of the body: 2 carries the whole document (docs/reference/ofd-http.md)
PAUSE_S = 1.0  # after trouble with the rows


class HttpLane:
    """A ``DeliveryLane`` over the stored receipts of one FN."""

    def __init__(
        self,
        fn_number: str,
        *,
        gateway: HttpOfdGateway,
        endpoint: Endpoint,
        database: Database,
        clock: Clock,
        owner: str,
        max_attempts: int,
    ) -> None:
        self.fn_number = fn_number
        self.endpoint = endpoint
        self._gateway = gateway
        self._db = database
        self._clock = clock
        self._owner = owner
        self._max_attempts = max_attempts
        self._not_before = 0.0  # monotonic; after a channel failure the FN waits for its head
        self._row_due = 0.0  # monotonic; when the next refused receipt is due, as of the last drain
        self._trusted_until = 0.0  # monotonic; the present claim lasts at least until then
        self._log = structlog.get_logger("http_lane").bind(fn_number=fn_number)
        self._deliveries = get_logger("delivery").bind()

    def forget_wait(self) -> None:
        self._not_before = 0.0

    def due_in_s(self) -> float | None:
        now = self._clock.monotonic()
        waits = self._not_before if self._not_before > now else self._row_due
        return waits - now if waits > now else None

    async def head(self, *, ignore_due: bool) -> LaneHead | None:
        now = self._clock.now()
        waiting = await self._db.read(lambda c: reconcile.waiting_fns(c, [self.fn_number], now=now))
        if not waiting or not (ignore_due or waiting[0].due):
            return None
        return LaneHead(fd_number=waiting[0].head_fd, retry_count=waiting[0].head_retry_count)

    async def drain(self, permit: Permit, stats: PassStats, *, limit: int | None) -> None:
        result: Synced | Failed | None = None
        tried = after = 0
        try:
            while True:
                go_on = permit.may_go_on() and (limit is None or tried < limit)
                # A forced pass stops after a channel failure too: the FN waits for its head.
                if self._clock.monotonic() < self._not_before and (tried or not permit.ignore_due):
                    go_on = False
                if not go_on and result is None:
                    return
                claim = await self._step(result, claim_next=go_on, after=after, ignore_due=permit.ignore_due)
                result = None
                if claim is None:
                    await self._note_row_due()
                    return
                tried += 1
                if permit.ignore_due:
                    after = claim.fd_number
                result = await self._post(claim, stats)
        except AdapterError as error:
            self._log.warning("delivery_stopped", code=error.code, error=error.detail.en)
            self._not_before = self._clock.monotonic() + PAUSE_S

    async def _note_row_due(self) -> None:
        """Nothing is due: remember when the next receipt is."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        due_at = await self._db.read(lambda c: reconcile.next_due_at(c, self.fn_number, now=now))
        self._row_due = 0.0 if due_at is None else monotonic + (due_at - now).total_seconds()

    async def _step(
        self, result: Synced | Failed | None, *, claim_next: bool, after: int, ignore_due: bool
    ) -> Claim | None:
        now = self._clock.now()
        self._trusted_until = self._clock.monotonic() + CLAIM_S
        want = ClaimRequest(
            fn_number=self.fn_number,
            owner=self._owner,
            at=now,
            lease_until=now + timedelta(seconds=CLAIM_S),
            after=after,
            ignore_due=ignore_due,
        )
        step = LaneStep(result=result, claim=want if claim_next else None)
        claim: Claim | None = await self._db.write_each(results.step, step)
        results.log_delivered(self._deliveries, result)
        return claim

    async def _post(self, claim: Claim, stats: PassStats) -> Synced | Failed:
        """Send one receipt.

        Raises:
            LeaseLost: this process stood still for longer than its claim lasts; nothing was sent.
        """
        if self._clock.monotonic() >= self._trusted_until:
            raise LeaseLost(f"the claim on receipt {claim.receipt_id} is over")
        probing = self.endpoint.state is BreakerState.HALF_OPEN
        started = self._clock.monotonic()
        try:
            body = _readable_body(claim)
            with self.endpoint.calls.call():
                reply = await self._gateway.deliver(claim.receipt_id, body)
        except OfdError as error:
            return self._failed(claim, error, probing, stats)
        now, told = self._clock.now(), reply.timestamp
        drift_s = None if told is None else told - now.timestamp()
        at = None if told is None else datetime.fromtimestamp(told, UTC)
        self.endpoint.succeeded(self._clock.monotonic() - started, drift_s=drift_s, told=at)
        self._not_before = 0.0
        stats.synced += 1
        return Synced(
            claim=claim,
            at=now,
            ofd_id=reply.ofd_id,
            server_time=reply.timestamp if reply.timestamp is not None else int(now.timestamp()),
            note="already known to the operator" if reply.duplicate else None,
        )

    def _failed(self, claim: Claim, error: OfdError, probing: bool, stats: PassStats) -> Failed:
        decision = decide(
            error, failed_before=claim.retry_count, probing=probing, max_attempts=self._max_attempts
        )
        self.endpoint.heard(decision.signal, label=decision.label, error=error.detail.en)
        if decision.fn_waits:
            self._not_before = self._clock.monotonic() + decision.delay_s
        stats.failed += 1
        if len(stats.errors) < 5:
            stats.errors.append(error.detail.en)
        self._log.warning(
            "delivery_failed",
            receipt_id=claim.receipt_id,
            fd_number=claim.fd_number,
            code=decision.label,
            retry_in_s=decision.delay_s,
        )
        now = self._clock.now()
        return Failed(
            claim=claim,
            at=now,
            error=f"{decision.label}: {error.detail.en}",
            due_at=None if decision.fn_waits else now + timedelta(seconds=decision.delay_s),
            counts=decision.counts,
            to_dead_letters=decision.to_dead_letters,
        )


def _readable_body(claim: Claim) -> JsonObject:
    """Like ``body_of``; a damaged row fails as a receipt that the operator refuses: alone, and counted.

    Raises:
        OfdRejected: it cannot be read back.
    """
    assert claim.contents is not None, "asked for with the claim"
    try:
        return body_of(claim.contents)
    except (ValueError, KeyError, TypeError) as error:
        raise OfdRejected(
            f"the stored receipt cannot be read: {type(error).__name__}",
            f"сохранённый чек не читается: {type(error).__name__}",
            error_code="unreadable",
        ) from error


def body_of(claimed: ClaimedContents) -> JsonObject:
    """The JSON body of ofd-http.md; money as decimals with two places."""
    receipt = receipt_json.load(claimed.payload)
    doc: JsonObject = jsontext.decode(claimed.fiscal_doc)
    return {
        "profile": PROFILE,
        "receipt_id": receipt.id,
        "pos_id": receipt.pos_id,
        "type": receipt.kind.value,
        **receipt_body.document(receipt),
        "items": receipt_body.lines(receipt),
        "payments": receipt_body.payments(receipt),
        **doc,
        "total": receipt_body.money(receipt.total_kop),
        "idempotency_key": claimed.idempotency_key,
        "hlc": {"local_time": claimed.hlc[0], "logical_counter": claimed.hlc[1]},
    }
