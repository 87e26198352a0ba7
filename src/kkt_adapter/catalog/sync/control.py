"""Start, cancel and look at runs; any node answers, whichever node works."""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.runs import (
    PageResult,
    RunError,
    RunListing,
    RunReason,
    RunRecord,
    RunStatus,
    Trigger,
)
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.store.products import lock_state
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.run_rows import LEASE, NewRun, RunRow
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import InvalidInput, NotRunning, SourceNotConfigured, SyncAlreadyRunning
from kkt_adapter.kernel.ids import uuid7
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import sign_of_life
from kkt_adapter.runtime.wakeup import Wakeup

if TYPE_CHECKING:  # loaded where a source is configured
    from kkt_adapter.catalog.sync.page_run import PageRuns
    from kkt_adapter.catalog.sync.worker import RunWorker

KEY_KEPT_MS = 86_400_000  # an Idempotency-Key answers for 24 hours
PROGRESS_EVERY_S = 0.5
QUIET_S = 60.0  # without progress and without a lease renewed: nobody works on the run (takeover takes 45 s)
ERRORS_SHOWN = 1_000
MOST_RUNS = 200
MOST_PAGE = 100_000
MANUAL_JOB = "manual_product_sync_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    run_id: str
    by: str
    trigger: Trigger
    full: bool
    force_sweep: bool
    key: str | None
    at: int


class CatalogSync:
    """The runs of the catalogue. All methods may be called at any time, on any node.

    ``worker`` and ``pages`` are None in a process that only looks (the command line).
    """

    def __init__(
        self,
        db: Database,
        settings: CatalogSettings,
        *,
        clock: Clock,
        sync_log: SyncLog,
        wakeup: Wakeup,
        worker: "RunWorker | None",
        pages: "PageRuns | None",
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._log = sync_log
        self._wakeup = wakeup
        self._worker = worker
        self._pages = pages

    async def start(
        self,
        *,
        by: str,
        trigger: Trigger = Trigger.MANUAL,
        full: bool = False,
        force_sweep: bool = False,
        key: str | None = None,
    ) -> RunRecord:
        """Queue a full run and return its record at once (``run_id``, ``job_id``, ``status``).

        ``full`` starts afresh; otherwise an interrupted or cancelled run goes on from its stored pages.
        ``force_sweep`` lifts the sweep limit for this run. The same ``key`` by the same person within
        24 hours returns the first record, whatever became of the run.

        Raises:
            SyncAlreadyRunning: a full run is going on, on any node; ``run_id`` says which.
            SourceNotConfigured: no credentials.
        """
        self._require_source()
        return await self._queued(by=by, trigger=trigger, full=full, force_sweep=force_sweep, key=key)

    async def ask(self, *, by: str, full: bool = False, force_sweep: bool = False) -> RunRecord:
        """Queue a run for another node, which has the credentials that are missing here.

        Nobody may come for it: look at its status, and cancel it when it stays queued.

        Raises:
            SyncAlreadyRunning: a full run is going on, on any node; ``run_id`` says which.
        """
        return await self._queued(by=by, trigger=Trigger.MANUAL, full=full, force_sweep=force_sweep, key=None)

    async def _queued(
        self, *, by: str, trigger: Trigger, full: bool, force_sweep: bool, key: str | None
    ) -> RunRecord:
        at = millis(self._clock.now())
        request = _Request(
            run_id=uuid7(at),
            by=by,
            trigger=trigger,
            full=full,
            force_sweep=force_sweep,
            key=None if key is None else f"{by}\n{key}",
            at=at,
        )
        row = await self._db.write(partial(_queue, request=request))
        self._wakeup.wake()
        return run_rows.record(row)

    async def sync_page(self, page: int, *, by: str) -> PageResult:
        """Read one page (1..100000) now and return when it is stored; never sweeps.

        Raises:
            InvalidInput: no such page number.
            SourceNotConfigured, SourceUnavailable, SourceAuthFailed, SourceRefused
            SourceThrottled: ``retry_after_s`` says how long to wait.
        """
        if not 1 <= page <= MOST_PAGE:
            raise InvalidInput(f"page must be 1 to {MOST_PAGE}.", f"page: от 1 до {MOST_PAGE}.", field="page")
        self._require_source()
        assert self._pages is not None
        return await self._pages.sync(page, by=by)

    async def cancel(self, run_id: str, *, by: str) -> RunRecord:
        """Ask a run to stop; returns at once, the state follows within five seconds.

        Raises:
            RunNotFound
            NotRunning: it has ended, or was cancelled already.
        """
        row = await self._db.write(partial(_cancel, run_id=run_id, by=by, at=millis(self._clock.now())))
        record = run_rows.record(row)
        if record.status is RunStatus.CANCELLED:
            await self._log.ended(record)
        elif self._worker is not None:
            self._worker.cancel(run_id)
        return record

    async def run(self, run_id: str) -> RunRecord:
        """Raises RunNotFound."""
        return run_rows.record(await self._db.read(partial(run_rows.get, run_id=run_id)))

    async def runs(
        self,
        *,
        status: RunStatus | None = None,
        trigger: Trigger | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunListing:
        """Newest first, ``limit`` 1-200. Raises InvalidInput for a forged cursor."""
        if not 1 <= limit <= MOST_RUNS:
            raise InvalidInput(
                f"limit must be 1 to {MOST_RUNS}.", f"limit: от 1 до {MOST_RUNS}.", field="limit"
            )
        before = None if cursor is None else _place(cursor)
        rows = await self._db.read(
            partial(run_rows.listing, status=status, trigger=trigger, limit=limit + 1, before=before)
        )
        shown = rows[:limit]
        more = len(rows) > limit
        return RunListing(
            runs=tuple(run_rows.record(row) for row in shown),
            next_cursor=_cursor(shown[-1]) if more else None,
        )

    async def errors(self, run_id: str) -> tuple[RunError, ...]:
        """Pages given up and entries skipped, in order, at most 1,000. Raises RunNotFound."""

        def look(connection: Connection) -> list[RunError]:
            run_rows.get(connection, run_id)
            return run_rows.errors(connection, run_id, limit=ERRORS_SHOWN)

        return tuple(await self._db.read(look))

    async def progress(self, run_id: str) -> AsyncIterator[RunRecord]:
        """The record now, then whenever it changed (at most twice a second), the final one last.

        Ends by itself after the final record; or with the last one once more, still in progress, when no
        node has worked on the run for a minute. Raises RunNotFound at the first step. Cancel at any time.
        """
        shown: tuple[RunRecord, object] | None = None
        quiet_since = self._clock.monotonic()
        while True:
            record, pulse = await self._db.read(partial(_look, run_id=run_id))
            if shown is None or record != shown[0]:
                yield record
            if not record.in_progress:
                return
            if (record, pulse) != shown:
                shown, quiet_since = (record, pulse), self._clock.monotonic()
            elif self._clock.monotonic() - quiet_since > QUIET_S:
                yield record
                return
            await self._clock.sleep(PROGRESS_EVERY_S)

    @property
    def has_source(self) -> bool:
        """Without one there is nothing to run."""
        return self._pages is not None

    def not_configured(self) -> SourceNotConfigured:
        """What to say when credentials are missing."""
        missing = ", ".join(self._settings.missing_for_sync) or "the source"
        return SourceNotConfigured(
            f"No sync without credentials: set {missing}.",
            f"Загрузка невозможна без данных входа: задайте {missing}.",
        )

    def _require_source(self) -> None:
        if self._pages is None:
            raise self.not_configured()


def _look(connection: Connection, *, run_id: str) -> tuple[RunRecord, object]:
    """The record, and a sign of life of whoever works on runs."""
    record = run_rows.record(run_rows.get(connection, run_id))
    return record, sign_of_life(connection, LEASE) if record.in_progress else None


def _queue(connection: Connection, *, request: _Request) -> RunRow:
    lock_state(connection)
    if request.key is not None:
        earlier = run_rows.by_request(connection, request.key, since=request.at - KEY_KEPT_MS)
        if earlier is not None:
            return earlier
    running = run_rows.in_progress(connection)
    if running is not None:
        if running.status != RunStatus.INTERRUPTED.value:
            raise already_running(running.run_id)
        if not request.full:
            run_rows.change(
                connection,
                running.run_id,
                force_sweep=running.force_sweep or request.force_sweep,
                request_key=request.key or running.request_key,
            )
            return run_rows.get(connection, running.run_id)
        run_rows.move(
            connection,
            running.run_id,
            RunStatus.ABANDONED,
            reason=RunReason.REPLACED.value,
            finished_at=request.at,
            phase=None,
        )
    run_rows.add(
        connection,
        NewRun(
            run_id=request.run_id,
            job_id=MANUAL_JOB + request.run_id,
            trigger=request.trigger,
            triggered_by=request.by,
            status=RunStatus.QUEUED,
            at=request.at,
            full=request.full,
            force_sweep=request.force_sweep,
            request_key=request.key,
        ),
    )
    return run_rows.get(connection, request.run_id)


def _cancel(connection: Connection, *, run_id: str, by: str, at: int) -> RunRow:
    lock_state(connection)
    row = run_rows.get(connection, run_id)
    status = RunStatus(row.status)
    if row.trigger == Trigger.PAGE.value or row.cancel_by is not None:
        raise _not_running(run_id)
    match status:
        case RunStatus.QUEUED | RunStatus.INTERRUPTED:
            run_rows.move(
                connection,
                run_id,
                RunStatus.CANCELLED,
                cancel_by=by,
                finished_at=at,
                reason=RunReason.CANCELLED.value,
                phase=None,
            )
        case RunStatus.RUNNING:
            run_rows.change(connection, run_id, cancel_by=by)
        case _:
            raise _not_running(run_id)
    return run_rows.get(connection, run_id)


def already_running(run_id: str) -> SyncAlreadyRunning:
    return SyncAlreadyRunning(
        f"A sync is going on already: run {run_id}.", f"Загрузка уже идёт: запуск {run_id}.", run_id=run_id
    )


def _not_running(run_id: str) -> NotRunning:
    return NotRunning(
        f"Run {run_id} is not going on, or is being cancelled already.",
        f"Запуск {run_id} не идёт или уже отменяется.",
        run_id=run_id,
    )


def _cursor(row: RunRow) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at}:{row.run_id}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, _, run_id = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
        )
        moment = int(created_at)
        if len(run_id) != 36 or not 0 <= moment < 2**62:
            raise ValueError("not a place in the list")
        return moment, run_id
    except (ValueError, binascii.Error, UnicodeError):
        raise InvalidInput("The cursor is not one of ours.", "Неверный cursor.", field="cursor") from None
