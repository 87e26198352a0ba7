"""The log file of the product sync: what an administrator and his scripts read, in a fixed form.

``%(asctime)s - %(name)s - %(levelname)s - %(message)s``, UTC, logger name ``scheduler``, one record a block.
Every record also goes to the logger of that name, so it appears on the console like all other lines.
The word SUCCESSFULLY stands only in the block of a run that succeeded.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime

from kkt_adapter.catalog.run_log.log_file import LogFile
from kkt_adapter.catalog.run_log.redaction import Redactor, one_line
from kkt_adapter.catalog.runs import RunError, RunRecord, RunStatus, Trigger
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.log import get_logger

log = get_logger("scheduler")

NAME = "scheduler"
DETAILS_SHOWN = 20


class SyncLog:
    """Writes in a thread; a file that cannot be written stops nothing, is told once, and shows in ``ok``."""

    def __init__(self, file: LogFile, *, clock: Clock, redactor: Redactor) -> None:
        self.ok = True
        self._file = file
        self._clock = clock
        self._redactor = redactor
        self._told = False
        self._writing = asyncio.Lock()
        self._formatter = logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s")
        self._formatter.converter = time.gmtime

    async def check(self) -> None:
        """Can the file be written? An empty block tells."""
        await self._append("")

    async def started(self, run: RunRecord) -> None:
        await self._say(logging.INFO, f"=== {kind(run)} PRODUCT SYNC STARTED at {self._now()} ===")

    async def resumed(self, run: RunRecord) -> None:
        where = f"page {run.pages_processed} of {run.pages_total}"
        await self._say(logging.INFO, f"=== {kind(run)} PRODUCT SYNC RESUMED at {self._now()} ({where}) ===")

    async def ended(
        self, run: RunRecord, *, errors: Sequence[RunError] = (), trace: str | None = None
    ) -> None:
        """The last block of a run, or of this attempt when it was interrupted."""
        level, text = closing_block(run, errors=errors, trace=trace, end=self._now())
        await self._say(level, text)

    async def missed(self, slot: datetime) -> None:
        await self._say(logging.WARNING, f"Daily product sync of {slot:%Y-%m-%dT%H:%MZ} was missed")

    async def skipped(self, slot: datetime, *, running: str) -> None:
        await self._say(
            logging.WARNING,
            f"Daily product sync of {slot:%Y-%m-%dT%H:%MZ} was skipped: run {running} is going on",
        )

    async def note(self, text: str) -> None:
        """One INFO line."""
        await self._say(logging.INFO, one_line(text))

    async def alarm(self, text: str) -> None:
        """One ERROR line that needs a person."""
        await self._say(logging.ERROR, one_line(text))

    async def detail(self, text: str) -> None:
        """One DEBUG line; it goes to the logger alone, as the file is for people."""
        logging.getLogger(NAME).debug("%s", self._redactor.scrub(one_line(text)))

    def _now(self) -> str:
        return f"{self._clock.now():%Y-%m-%dT%H:%M:%S}"

    async def _say(self, level: int, text: str) -> None:
        record = logging.LogRecord(NAME, level, "", 0, self._redactor.scrub(text), None, None)
        moment = self._clock.now().timestamp()
        record.created, record.msecs = moment, int(moment * 1000) % 1000
        logger = logging.getLogger(NAME)
        if logger.isEnabledFor(level):
            logger.handle(record)
        await self._append(self._formatter.format(record) + "\n")

    async def _append(self, block: str) -> None:
        async with self._writing:
            try:
                await asyncio.to_thread(self._file.append, block)
            except OSError as error:
                self.ok = False
                if not self._told:
                    self._told = True
                    log.error(
                        "sync_log_not_writable",
                        file=self._file.path.name,
                        error=error.strerror,
                        remedy="Set SYNC_LOG_FILE to a file that can be written.",
                    )
            else:
                self.ok = True


def kind(run: RunRecord) -> str:
    return "DAILY" if run.trigger is Trigger.DAILY else "MANUAL"


def closing_block(
    run: RunRecord, *, errors: Sequence[RunError], trace: str | None, end: str
) -> tuple[int, str]:
    """Level and text of a run's last block."""
    title = f"=== {kind(run)} PRODUCT SYNC"
    duration = f"Duration: {run.duration_seconds:.2f} seconds"
    five = [
        duration,
        f"Products Synced: {run.products_synced}",
        f"Pages Processed: {run.pages_processed}",
        f"Errors: {run.errors}",
        f"End Time: {end}",
    ]
    match run.status:
        case RunStatus.SUCCEEDED:
            return logging.INFO, "\n".join([f"{title} COMPLETED SUCCESSFULLY ===", *five])
        case RunStatus.PARTIAL:
            lines = [f"{title} COMPLETED WITH ERRORS ===", *five, *_details(run, errors)]
            return logging.ERROR, "\n".join(lines)
        case RunStatus.CANCELLED:
            return logging.INFO, "\n".join([f"{title} CANCELLED ===", *five])
        case RunStatus.INTERRUPTED:
            return logging.WARNING, "\n".join([f"{title} INTERRUPTED ===", *five])
        case RunStatus.ABANDONED:
            return logging.WARNING, "\n".join([f"{title} ABANDONED ===", *five])
        case _:
            lines = [f"{title} FAILED ===", duration, f"Error: {_why(run)}", f"End Time: {end}"]
            if trace:
                lines += ["Full traceback:", trace.rstrip()]
            return logging.ERROR, "\n".join(lines)


def _details(run: RunRecord, errors: Sequence[RunError]) -> list[str]:
    lines = ["Error Details:", f"- {_why(run)}"]
    shown = errors[: DETAILS_SHOWN - 1]
    for error in shown:
        subject = f"page {error.page}" if error.page else "product"
        if error.product_id:
            subject += f", product {one_line(error.product_id, limit=64)}"
        lines.append(f"- {subject}: {one_line(error.reason)}")
    more = max(run.errors, len(errors)) - len(shown)
    if more > 0:
        lines.append(f"... and {more} more")
    return lines


def _why(run: RunRecord) -> str:
    text = run.error or run.reason or "unknown"
    if run.held:
        text += f" ({run.held} products would have vanished)"
    return one_line(text)
