"""The service that looks at everything every few seconds and keeps the alerts true.

The board decides in memory; rows follow it. Each look compares the two, so an alert that could not be written
down is written with the next one, and the rows of a process that has ended are taken over or closed.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from kkt_adapter.fiscal.alerts import rows as alert_rows
from kkt_adapter.fiscal.alerts.board import Alert, AlertBoard, Changes
from kkt_adapter.fiscal.alerts.rows import OpenRow
from kkt_adapter.fiscal.monitoring.observation import Observation
from kkt_adapter.fiscal.monitoring.observer import Observer
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.store import document_dates, events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.sparing import Sparing
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within

LOOK_S = 5.0
SAY_S = 60.0  # how often this process says that it still sees an alert
SILENT_S = 180.0  # after that another process's row is anybody's
RATES_S = 600.0  # between two measurements of documents a day
RATE_DAYS = 7  # a week, so that a weekend does not look like a change
KEEP_DAYS = 90  # of alerts that ended, like events (data.md#retention)
FILL_MARKS = (80.0, 90.0, 100.0)  # health.md: percent at which an event is written


class AlertWatch:
    """A ``Service``. ``owner`` names this process in the rows; ``owner_ended``, called in a thread: has that
    process ended for certain?"""

    name = "alerts"

    def __init__(
        self,
        *,
        database: Database,
        snapshots: Snapshots,
        observer: Observer,
        registers: Registers,
        board: AlertBoard,
        clock: Clock,
        owner: str,
        owner_ended: Callable[[str], bool],
        look_s: float = LOOK_S,
    ) -> None:
        self._db = database
        self._snapshots = snapshots
        self._observer = observer
        self._registers = registers
        self._board = board
        self._clock = clock
        self._owner = owner
        self._owner_ended = owner_ended
        self._look_s = look_s
        self._log = get_logger("alerts")
        self._glanced: Snapshot
        self._glance = Sparing(lambda: self.see(self._glanced), registers=lambda: len(registers.all()))
        self._mark = 0.0  # the highest fill mark that was passed
        self._rates_at = float("-inf")
        self._pruned_on: object = None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop``. A database that cannot be used is looked at again."""
        self._board.adopt(await self._db.read(alert_rows.known), monotonic=self._clock.monotonic())
        while not stop.is_set():
            try:
                await self.look()
            except AdapterError as error:
                self._log.warning("alerts_not_looked_at", code=error.code, error=error.detail.en)
            await happens_within(self._clock, self._look_s, stop)

    async def look(self) -> None:
        """One look, with everything that follows from it. Raises StorageError."""
        await self._measure_rates()
        snapshot = await self._snapshots.take()
        self.see(snapshot)
        await self._write_fill(snapshot)
        await self._write_alerts()
        await self._forget_old()

    def see(self, snapshot: Snapshot) -> Observation:
        """Take a snapshot in."""
        seen = self._observer.observe(snapshot)
        self._log_changes(self._board.update(seen))
        return seen

    def glance(self, snapshot: Snapshot) -> None:
        """The same for pages that show alerts, so that they agree with their numbers. Of many registers
        what was seen a moment ago will do (``Sparing``)."""
        self._glanced = snapshot
        self._glance()

    def _log_changes(self, changes: Changes) -> None:
        for alert in changes.started:
            tell = self._log.error if alert.rule.level == "P1" else self._log.warning
            tell("alert_started", **_named(alert), message=alert.message.en, action=alert.rule.action.en)
        for alert in changes.ended:
            self._log.info("alert_ended", **_named(alert))

    async def _write_alerts(self) -> None:
        now, firing = self._clock.now(), self._board.firing()
        rows = {row.key: row for row in await self._db.read(alert_rows.open_rows)}
        missing = [alert for key, alert in firing.items() if key not in rows]
        gone = await self._gone({row.node for row in rows.values()} - {self._owner})
        seen, over = [], []
        for key, row in rows.items():
            silent_s = (now - row.seen_at).total_seconds()
            silent = silent_s >= (SAY_S if row.node == self._owner else SILENT_S) or row.node in gone
            if key in firing:
                seen += [row] if silent else []
            elif silent or row.node == self._owner:
                over.append(row)
        if missing or seen or over:
            await self._db.write(
                partial(_write, missing=missing, seen=seen, over=over, node=self._owner, at=now)
            )

    async def _gone(self, nodes: set[str]) -> set[str]:
        return {node for node in nodes if await asyncio.to_thread(self._owner_ended, node)}

    async def _write_fill(self, snapshot: Snapshot) -> None:
        """Passing 80, 90 and 100 percent upwards is an event; so is each time anew."""
        percent = snapshot.fill.percent
        mark = max((mark for mark in FILL_MARKS if percent >= mark), default=0.0)
        if mark <= self._mark:
            self._mark = mark
            return
        full = mark >= FILL_MARKS[-1]
        entry = events.entry(
            EventType.BUFFER_FULL if full else EventType.BUFFER_WARNING,
            self._clock.now(),
            level=EventLevel.ERROR if full else EventLevel.WARNING,
            percent=percent,
            undelivered=snapshot.fill.totals.undelivered,
            capacity=snapshot.fill.capacity,
        )
        await self._db.write(lambda c: events.write(c, [entry]))
        self._mark = mark

    async def _measure_rates(self) -> None:
        """Documents a day of each register, every ten minutes."""
        if self._clock.monotonic() - self._rates_at < RATES_S:
            return
        for unit in self._registers.all():
            facts = unit.registration
            if facts is None:
                continue
            local = unit.local(self._clock.now())
            since = local - timedelta(days=RATE_DAYS)
            self._observer.documents_per_day[unit.register_id] = await self._db.read(
                partial(document_dates.per_day, fn_number=facts.fn_number, since=since, until=local)
            )
        self._rates_at = self._clock.monotonic()

    async def _forget_old(self) -> None:
        """Once a day, and once after a start; not on the word of a clock that is doubted."""
        now = self._clock.now()
        live = timedelta(days=KEEP_DAYS)
        if self._pruned_on != now.date() and self._observer.may_forget(live):
            before = now - live
            if await self._db.read(partial(alert_rows.any_ended, before=before)):
                await self._db.write(partial(alert_rows.forget, before=before))
            self._pruned_on = now.date()


def _write(
    conn: Connection,
    *,
    missing: list[Alert],
    seen: list[OpenRow],
    over: list[OpenRow],
    node: str,
    at: datetime,
) -> None:
    if over:
        alert_rows.end(conn, over, at=at)
    if seen:
        alert_rows.still_see(conn, seen, node=node, at=at)
    if missing:
        alert_rows.begin(conn, missing, node=node, at=at)


def _named(alert: Alert) -> dict[str, str | None]:
    return {"code": alert.rule.code, "severity": alert.rule.level.value, "subject": alert.subject}
