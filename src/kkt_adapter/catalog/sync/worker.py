"""Works on the run in progress, if this node can have the lease: starts, resumes, takes over.

Every node looks every few seconds whether there is a run to work on. Only the holder of the lease does; the
others see it held, and once its holder is gone one of them gets it and goes on from the checkpoint.
"""

import asyncio
import traceback
from collections.abc import Callable
from functools import partial

from kkt_adapter.catalog.run_log.redaction import one_line
from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.runs import RunReason, RunStatus
from kkt_adapter.catalog.store.history import Stamp
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync import finish, run_rows
from kkt_adapter.catalog.sync.fetch import PageGivenUp
from kkt_adapter.catalog.sync.finish import Ending
from kkt_adapter.catalog.sync.halt import Halt, Halted, HaltReason
from kkt_adapter.catalog.sync.parallel_reader import SourceDown
from kkt_adapter.catalog.sync.retention import forget_step
from kkt_adapter.catalog.sync.run import SyncRun, Tools, WindowTooFull
from kkt_adapter.catalog.sync.run_rows import LEASE
from kkt_adapter.catalog.sync.start import RunBegun, RunStart, begin
from kkt_adapter.kernel.errors import (
    AdapterError,
    IllegalTransition,
    LeaseLost,
    SourceAuthFailed,
    SourceRefused,
    SourceThrottled,
)
from kkt_adapter.runtime.leases.database import check_terms
from kkt_adapter.runtime.leases.lease import LeaseHeld, Leases, Term
from kkt_adapter.runtime.wakeup import Wakeup

LOOK_S = 2.0  # between looks for work; takeover = lease ttl + one or two of these
CANCEL_LOOK_S = 1.0  # between looks whether another node was asked to cancel
DAY_MS = 86_400_000
ERRORS_LOGGED = 20


class RunWorker:
    """``wakeup`` is rung when a run was queued here."""

    def __init__(
        self,
        tools: Tools,
        *,
        leases: Leases,
        wakeup: Wakeup,
        sync_log: SyncLog,
        node: str,
        believed: Callable[[], bool] = lambda: True,
    ) -> None:
        """``believed``: while the clock is not, nothing is forgotten."""
        self._tools = tools
        self._owner = leases.owner
        self._lease = leases.lease(LEASE)
        self._wakeup = wakeup
        self._log = sync_log
        self._node = node
        self._believed = believed
        self._halt: Halt | None = None
        self._run_id = ""

    def cancel(self, run_id: str) -> None:
        """Stop that run at once if it is worked on here; its row says already that it shall be cancelled."""
        if self._halt is not None and self._run_id == run_id:
            self._halt.cancel()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``: then the run at work becomes ``interrupted``."""
        while not stop.is_set():
            try:
                await self._look(stop)
            except AdapterError as error:  # the database is away, or the lease went: look again later
                await self._log.detail(f"catalogue worker: {type(error).__name__}: {error}")
            await self._wakeup.wait(LOOK_S, stop=stop)

    async def _look(self, stop: asyncio.Event) -> None:
        if await self._tools.db.read(run_rows.in_progress) is None:
            return
        try:
            async with self._lease.term(wait_s=0) as term:
                await self._work(term, stop)
        except LeaseHeld:
            return

    async def _work(self, term: Term, stop: asyncio.Event) -> None:
        fence = partial(check_terms, terms=((LEASE, self._owner, term.number),))
        begun = await self._tools.db.write(
            partial(
                begin,
                now=self._now(),
                node=self._node,
                resume_max_age_s=self._tools.settings.resume_max_age_s,
                fence=fence,
            )
        )
        if begun is None:
            return
        await self._announce(begun)
        if begun.start in (RunStart.ABANDONED, RunStart.CANCELLED):
            return
        halt = Halt()
        run = SyncRun(begun.row, self._tools, fence=fence, halt=halt)
        self._halt, self._run_id = halt, run.run_id
        try:
            ending = await self._guarded(run, halt, term, stop)
        finally:
            self._halt, self._run_id = None, ""
        if ending is None:
            return
        if ending.status is not RunStatus.SUCCEEDED:
            stamp = Stamp(run_id=run.run_id, generation=begun.row.generation, at=self._now())
            ending = await self._tools.db.write(
                partial(
                    finish.close,
                    ending=ending,
                    stamp=stamp,
                    stats=run.fetcher.stats.take(),
                    worked_ms=run.worked_ms,
                    fence=fence,
                )
            )
        await self._report(run.run_id, ending.trace)
        if ending.status is not RunStatus.INTERRUPTED:
            await self._forget()

    async def _guarded(self, run: SyncRun, halt: Halt, term: Term, stop: asyncio.Event) -> Ending | None:
        """Execute with an eye on everything that may end it; None when it is not ours any more."""

        async def halt_when(event: asyncio.Event, reason: HaltReason) -> None:
            await event.wait()
            halt.set(reason)

        async def halt_in_time() -> None:
            await self._tools.clock.sleep(self._tools.settings.run_timeout_s)
            halt.set(HaltReason.TIMEOUT)

        async with asyncio.TaskGroup() as group:
            guards = [
                group.create_task(halt_when(stop, HaltReason.STOP)),
                group.create_task(halt_when(term.lost, HaltReason.LOST)),
                group.create_task(halt_in_time()),
                group.create_task(self._notice_cancel(run.run_id, halt)),
            ]
            try:
                return await self._execute(run)
            finally:
                for guard in guards:
                    guard.cancel()

    async def _execute(self, run: SyncRun) -> Ending | None:
        try:
            return await run.execute()
        except (LeaseLost, IllegalTransition) as error:
            await self._log.detail(f"run {run.run_id} is not ours any more: {error}")
            return None
        except Halted as halted:
            return ENDINGS_BY_HALT[halted.reason]() if halted.reason is not HaltReason.LOST else None
        except SourceDown as error:
            return self._ending(RunStatus.PARTIAL, RunReason.SOURCE_DOWN, error, given_up=error.failures)
        except PageGivenUp as error:
            return self._ending(RunStatus.PARTIAL, RunReason.SOURCE_DOWN, error, given_up=(error,))
        except WindowTooFull as error:
            return self._ending(RunStatus.PARTIAL, RunReason.PAGE_CEILING, error)
        except SourceThrottled as error:
            return self._ending(RunStatus.PARTIAL, RunReason.THROTTLED, error)
        except SourceAuthFailed as error:
            return self._ending(RunStatus.FAILED, RunReason.AUTH, error)
        except SourceRefused as error:
            return self._ending(RunStatus.PARTIAL, RunReason.REFUSED, error)
        except AdapterError:
            raise  # the database: the row stays as it is, and whoever has the lease next goes on
        except Exception as error:
            return self._ending(RunStatus.FAILED, RunReason.ERROR, error)

    async def _notice_cancel(self, run_id: str, halt: Halt) -> None:
        """Another node may have been asked to cancel."""
        while True:
            await self._tools.clock.sleep(CANCEL_LOOK_S)
            try:
                row = await self._tools.db.read(partial(run_rows.get, run_id=run_id))
            except AdapterError:
                continue
            if row.cancel_by is not None:
                halt.cancel()
                return

    async def _announce(self, begun: RunBegun) -> None:
        record = run_rows.record(begun.row)
        match begun.start:
            case RunStart.STARTED:
                await self._log.started(record)
            case RunStart.RESUMED:
                await self._log.resumed(record)
            case _:
                await self._log.ended(record)

    async def _report(self, run_id: str, trace: str | None) -> None:
        row = await self._tools.db.read(partial(run_rows.get, run_id=run_id))
        errors = await self._tools.db.read(partial(run_rows.errors, run_id=run_id, limit=ERRORS_LOGGED))
        record = run_rows.record(row)
        await self._log.ended(record, errors=errors, trace=trace)
        if record.reason == RunReason.SWEEP_HELD:
            await self._log.alarm(
                f"ALARM: run {run_id} would have marked {record.held} products as vanished; the sweep was "
                "held back. Check the source, then run again with force_sweep."
            )

    async def _forget(self) -> None:
        before = self._now() - self._tools.settings.history_days * DAY_MS
        more = True
        while more and self._believed():
            more = await self._tools.db.write(partial(forget_step, before=before, now=self._now()))

    def _ending(
        self,
        status: RunStatus,
        reason: RunReason,
        error: Exception,
        *,
        given_up: tuple[PageGivenUp, ...] = (),
    ) -> Ending:
        said = str(given_up[-1].cause) if given_up else str(error)
        return Ending(
            status=status,
            reason=reason,
            error=self._tools.redactor.scrub(one_line(said or type(error).__name__)),
            trace="".join(traceback.format_exception(error)),
            given_up=given_up,
        )

    def _now(self) -> int:
        return millis(self._tools.clock.now())


ENDINGS_BY_HALT: dict[HaltReason, Callable[[], Ending]] = {
    HaltReason.CANCEL: lambda: Ending(status=RunStatus.CANCELLED, reason=RunReason.CANCELLED),
    HaltReason.STOP: lambda: Ending(status=RunStatus.INTERRUPTED),
    HaltReason.TIMEOUT: lambda: Ending(
        status=RunStatus.PARTIAL,
        reason=RunReason.TIMEOUT,
        error="The run took longer than SYNC_RUN_TIMEOUT_S.",
    ),
}
