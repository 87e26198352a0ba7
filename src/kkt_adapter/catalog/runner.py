"""Start, cancel and look at runs; any node answers, whichever node works."""

from collections.abc import AsyncIterator

from kkt_adapter.catalog.records import PageResult, RunError, RunListing, RunRecord, RunStatus, Trigger


class CatalogSync:
    """The runs of the catalogue. All methods may be called at any time, on any node."""

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
        raise NotImplementedError

    async def sync_page(self, page: int, *, by: str) -> PageResult:
        """Read one page (1..100000) now and return when it is stored; never sweeps.

        Raises:
            SourceNotConfigured, SourceUnavailable, SourceAuthFailed, SourceRefused
            SourceThrottled: ``retry_after_s`` says how long to wait.
        """
        raise NotImplementedError

    async def cancel(self, run_id: str, *, by: str) -> RunRecord:
        """Ask a run to stop; returns at once, the state follows within five seconds.

        Raises:
            RunNotFound
            NotRunning: it has ended, or was cancelled already.
        """
        raise NotImplementedError

    async def run(self, run_id: str) -> RunRecord:
        """Raises RunNotFound."""
        raise NotImplementedError

    async def runs(
        self,
        *,
        status: RunStatus | None = None,
        trigger: Trigger | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunListing:
        """Newest first. Raises InvalidInput for a forged cursor."""
        raise NotImplementedError

    async def errors(self, run_id: str) -> tuple[RunError, ...]:
        """Pages given up and entries skipped, in order. Raises RunNotFound."""
        raise NotImplementedError

    def progress(self, run_id: str) -> AsyncIterator[RunRecord]:
        """The record now, then whenever it changed (at most twice a second), the final one last.

        Ends by itself after the final record. Raises RunNotFound at the first step. Cancel at any time.
        """
        raise NotImplementedError
