"""One back office: its cursor, its pace, and what its answers made of its state.

Events are sent again from the last acknowledged one until the receiver says it has them, so each arrives at
least once and those of one receipt in their order. One page is in memory at a time. Calls follow each other
at once only while each brings the cursor forward, so no answer can make the loop spin.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from kkt_adapter.fiscal.heartbeat import cursors, feed, payload
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass, AnswerOutcome, not_sent, read_answer, read_fault
from kkt_adapter.fiscal.heartbeat.credentials import Credentials
from kkt_adapter.fiscal.heartbeat.payload import MAX_EVENTS, Beat, Sender, Situation
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType, NewEvent
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, LeaseLost, Text
from kkt_adapter.kernel.hysteresis import Hysteresis, Presence
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.kernel.in_flight import InFlightCalls
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.http import HttpClient, HttpFault
from kkt_adapter.runtime.leases.lease import Term
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within, unless

MAX_ANSWER_BYTES = 64 * 1024
GROW_AFTER = 10  # hits in a row before a page that was halved is doubled again
HITS_FOR_ONLINE, MISSES_FOR_OFFLINE = 2, 3  # heartbeat.md


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What is shown of a back office."""

    presence: Presence = Presence.UNKNOWN
    successes: int = 0  # in a row
    failures: int = 0  # in a row
    last_success_at: datetime | None = None
    last_error: Text | None = None  # None after a hit
    last_class: AnswerClass | None = None
    acked_event_id: int = 0
    called_at: datetime | None = None  # the last call, whatever came of it
    next_call_at: datetime | None = None


class Target:
    """``situation`` is asked before each call and may fail; ``tell`` takes an entry for the journal."""

    def __init__(
        self,
        settings: BackOfficeSettings,
        *,
        sender: Sender,
        situation: Callable[[], Awaitable[Situation]],
        database: Database,
        clock: Clock,
        tell: Callable[[NewEvent], None],
        jitter: Callable[[], float],
        marks_cash: bool = True,
    ) -> None:
        """``marks_cash``: what it acknowledges is told, as far as the movements of cash are concerned."""
        base, self._path = settings.address
        self.settings = settings
        self.state = TargetState()
        self.failures_total = 0
        self.calls = InFlightCalls(clock)
        self._sender = sender
        self._situation = situation
        self._db = database
        self._clock = clock
        self._tell = tell
        self._marks_cash = marks_cash
        self._jitter = jitter  # a factor around 1 for every wait
        self._credentials = Credentials(settings)
        self._client = HttpClient(
            base, timeout_s=settings.timeout_s, max_connections=2, max_answer_bytes=MAX_ANSWER_BYTES
        )
        self._hysteresis = Hysteresis(hits_for_up=HITS_FOR_ONLINE, misses_for_down=MISSES_FOR_OFFLINE)
        self._seq = 0
        self._acked = 0
        self._limit = MAX_EVENTS
        self._hits_at_limit = 0
        self._interval_s = settings.interval_s
        self._log = get_logger("heartbeat").bind(back_office=settings.name)

    async def close(self) -> None:
        await self._client.close()

    async def run(self, term: Term, stop: asyncio.Event) -> None:
        """Call until ``stop`` or the end of the term; a call under way is given up then.

        Raises AdapterError when the cursor cannot be read at the beginning; nothing later.
        """
        await self.begin()
        while not (stop.is_set() or term.lost.is_set()):
            try:
                pause_s = await unless(self.call(term), stop, term.lost)
            except LeaseLost:
                return
            if pause_s:
                await happens_within(self._clock, pause_s, stop, term.lost)

    async def begin(self) -> None:
        """Go on from the stored cursor, knowing nothing of the back office. Raises AdapterError."""
        self._hysteresis = Hysteresis(hits_for_up=HITS_FOR_ONLINE, misses_for_down=MISSES_FOR_OFFLINE)
        self._acked = await self._db.write(partial(cursors.begin, name=self.settings.name))
        self.state = TargetState(acked_event_id=self._acked)

    async def call(self, term: Term) -> float:
        """One call with everything that follows from it; seconds until the next one, 0: at once.

        Raises LeaseLost when another process sends now; then the answer was not written down.
        """
        beat: Beat | None = None
        try:
            beat = await self._prepare()
            outcome = await self._send(beat)
        except Exception as error:  # a failure of ours is a miss, never the end of the loop
            self._log.warning("heartbeat_not_sent", exc_info=error)
            outcome = not_sent(error)
        return await self._settle(outcome, beat, term)

    async def _prepare(self) -> Beat:
        situation = await self._situation()
        page = await self._db.read(partial(feed.page, after=self._acked, limit=self._limit))
        self._seq += 1
        return payload.beat(self._sender, situation, page, seq=self._seq, at=self._clock.now())

    async def _send(self, beat: Beat) -> AnswerOutcome:
        now, call_id = self._clock.now(), random_id()
        headers = await self._credentials.headers(
            call_id=call_id, timestamp=int(now.timestamp()), body=beat.body
        )
        named = {"Content-Type": "application/json", "Accept": "application/json", "X-Request-Id": call_id}
        try:
            with self.calls.call():
                answer = await self._client.post(self._path, beat.body, headers=named | headers)
        except HttpFault as fault:
            return read_fault(fault)
        return read_answer(answer, profile=self.settings.profile, now=now)

    async def _settle(self, outcome: AnswerOutcome, beat: Beat | None, term: Term) -> float:
        acked = self._acked if beat is None else self._acked_by(outcome, beat)
        progress = acked > self._acked
        halved = outcome.kind is AnswerClass.TOO_LARGE and self._halve(beat)
        if not halved:  # the smaller call that follows at once decides
            self._count(outcome)
        more = beat is not None and (beat.has_more or acked < (beat.last_event_id or 0))
        pause_s = 0.0 if halved or (progress and more) else self._pause_s(outcome)
        written = await self._write(outcome, beat, acked, pause_s, term)
        return pause_s if written else self._pause_s(outcome)

    def _acked_by(self, outcome: AnswerOutcome, beat: Beat) -> int:
        """The cursor after this answer: never back, and never beyond what was sent."""
        if not outcome.hit or beat.last_event_id is None:
            return self._acked
        said = beat.last_event_id if outcome.all_acked else outcome.acked
        if said is None or said < self._acked:
            self._log.warning("heartbeat_not_acknowledged", said=said, known=self._acked)
            return self._acked
        return min(said, beat.last_event_id)

    def _halve(self, beat: Beat | None) -> bool:
        """After 413: true when a smaller call can be tried."""
        self._hits_at_limit = 0
        if self._limit == 1 or beat is None or beat.last_event_id is None:
            return False
        self._limit //= 2
        return True

    def _count(self, outcome: AnswerOutcome) -> None:
        was, before = self._hysteresis.state, self.state
        if outcome.hit:
            self._hysteresis = self._hysteresis.hit()
            self._interval_s = outcome.interval_s or self.settings.interval_s
            self._hits_at_limit += 1
            if self._hits_at_limit >= GROW_AFTER and self._limit < MAX_EVENTS:
                self._limit, self._hits_at_limit = min(2 * self._limit, MAX_EVENTS), 0
        else:
            self._hysteresis = self._hysteresis.miss()
            self.failures_total += 1
        if outcome.kind is not before.last_class:
            said = None if outcome.error is None else outcome.error.en
            tell = self._log.info if outcome.hit else self._log.warning
            tell("heartbeat_answered", answer=outcome.kind.value, error=said)
        if self._hysteresis.state is not was:
            self._changed(was, outcome)

    def _changed(self, was: Presence, outcome: AnswerOutcome) -> None:
        state = self._hysteresis.state
        self._tell(
            events.entry(
                EventType.HEARTBEAT_STATE_CHANGED,
                self._clock.now(),
                level=EventLevel.INFO if state is Presence.ONLINE else EventLevel.WARNING,
                back_office=self.settings.name,
                state=state.value,
                was=was.value,
                error=None if outcome.error is None else outcome.error.en,
            )
        )

    def _pause_s(self, outcome: AnswerOutcome) -> float:
        if outcome.wait_s is None:
            return self._interval_s * self._jitter()
        return outcome.wait_s * max(1.0, self._jitter())  # one that asks us to wait is not called early

    async def _write(
        self, outcome: AnswerOutcome, beat: Beat | None, acked: int, pause_s: float, term: Term
    ) -> bool:
        """The row first, then what is shown. False when the cursor could not be moved: it is sent again."""
        now = self._clock.now()
        report = cursors.Report(
            at=now,
            state=self._hysteresis.state,
            error=None if outcome.error is None else outcome.error.en,
            acked_event_id=acked,
            refused=None
            if outcome.kind is not AnswerClass.REFUSED_BODY or beat is None
            else cursors.RefusedBody(body=beat.body.decode(), answer=outcome.excerpt or ""),
            told=[receipt_id for event_id, receipt_id in beat.printed if event_id <= acked]
            if self._marks_cash and beat is not None
            else (),
        )
        try:
            await self._db.write(partial(cursors.write, name=self.settings.name, report=report, term=term))
        except LeaseLost:
            raise
        except AdapterError as error:
            self._log.warning("heartbeat_cursor_not_written", error=error.detail.en)
            written = False
        else:
            self._acked, written = acked, True
        self.state = TargetState(
            presence=self._hysteresis.state,
            successes=self._hysteresis.hits,
            failures=self._hysteresis.misses,
            last_success_at=now if outcome.hit else self.state.last_success_at,
            last_error=outcome.error,
            last_class=outcome.kind,
            acked_event_id=self._acked,
            called_at=now,
            next_call_at=now + timedelta(seconds=pause_s),
        )
        return written
