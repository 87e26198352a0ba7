"""One receipt to the device, and what came of it into the rows.

The attempt is on disk before ``print`` is called. Whatever ends differently from a plain success leaves the
lane in doubt about its copies, and often about the FN: it recovers before it goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.model import FiscalDocument, Receipt
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.attempt_commands import commands_json
from kkt_adapter.fiscal.printing.job import PrintJob, printed_item
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.store.attempts import LaneTerm, mark_sent, note_commands
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    IllegalTransition,
    KktBlocked,
    KktOutcomeUnknown,
    KktProtocolError,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
)
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.protocol import Database

AUTOMATIC_TRIES = 3  # after a refusal: 1, 2 and 4 s later (printing.md)


class PrintListener(Protocol):
    """Told about facts after they are durable; must neither block nor raise."""

    def document_made(self, register_id: str, document: FiscalDocument, *, took_s: float) -> None: ...

    def commands_timed(self, register_id: str, times: Sequence[CommandTime]) -> None: ...

    def receipt_made(self, register_id: str, receipt: Receipt, document: FiscalDocument) -> None: ...

    def print_failed(self, register_id: str, reason: str) -> None: ...


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDown:
    """The document is in the rows; ``following`` may be printed at once, its attempt is in them too."""

    following: PrintJob | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRefused:
    """The device refuses this receipt; ``retry_in_s`` None: it is tried again by request only."""

    retry_in_s: float | None


class Lost:
    """Nobody knows whether the document exists: the FN must be asked before anything else."""


class PutBack:
    """Nothing was fiscalised, and the receipt may be printed as soon as the shift is in order."""


Result = WrittenDown | DeviceRefused | Lost | PutBack


class ReceiptPrinter:
    """Belongs to one lane and is called by its task alone."""

    def __init__(
        self,
        session: RegisterSession,
        *,
        database: Database,
        clock: Clock,
        waiting: Waiting,
        listener: PrintListener,
    ) -> None:
        self._session = session
        self._db = database
        self._clock = clock
        self._waiting = waiting
        self._listener = listener
        self._log = structlog.get_logger("lane").bind(register_id=session.register_id)

    async def print(
        self, job: PrintJob, attempt_id: int, lane: LaneTerm, *, take_following: Callable[[], PrintJob | None]
    ) -> Result:
        """Sends at most one command that makes a document; ``take_following`` is asked when it is made.

        Raises:
            KktUnavailable, KktBlocked: not now; the receipt is ``new`` again.
            StorageError, LeaseLost: the result could not be written down: recover.
        """
        started = self._clock.monotonic()
        try:
            with self._session.calls.call():
                document = await self._session.driver.fiscalize(
                    job.receipt, term=lane.number, about_to=lambda: self._about_to(attempt_id, lane)
                )
        except ShiftExpired as error:
            await self._put_back(job, attempt_id, lane, error)
            return PutBack()
        except (KktUnavailable, KktBlocked) as error:
            await self._put_back(job, attempt_id, lane, error)
            raise
        except KktRefused as error:
            return await self._refuse(job, attempt_id, lane, error)
        except (KktOutcomeUnknown, KktProtocolError) as error:
            await self._lose(job, attempt_id, error)
            return Lost()
        except BaseException as error:
            self._tell_lost(job, error)
            raise
        following = await self._write_down(job, attempt_id, document, lane, take_following)
        took_s = self._clock.monotonic() - started
        self._log.info(
            "receipt_printed",
            **_named(job),
            fn_number=document.fn_number,
            fd_number=document.fd_number,
            took_s=round(took_s, 3),
        )
        self._listener.document_made(self._session.register_id, document, took_s=took_s)
        self._listener.commands_timed(self._session.register_id, self._session.driver.command_times)
        self._listener.receipt_made(self._session.register_id, job.receipt, document)
        return WrittenDown(following=following)

    async def _about_to(self, attempt_id: int, lane: LaneTerm) -> None:
        """On disk before the command that makes the document: recovery tells by it that none was given."""
        await self._db.write(lambda c: mark_sent(c, attempt_id, lane))

    def _commands(self) -> str | None:
        return commands_json(self._session.driver.command_times)

    async def _lose(self, job: PrintJob, attempt_id: int, error: BaseException) -> None:
        """Its attempt stays open. What it has cost is noted now: recovery sends commands of its own."""
        self._tell_lost(job, error)
        commands = self._commands()
        if commands is not None:
            await self._db.write(lambda c: note_commands(c, attempt_id, commands))

    def _tell_lost(self, job: PrintJob, error: BaseException) -> None:
        self._listener.print_failed(self._session.register_id, "outcome_unknown")
        self._log.warning("print_outcome_unknown", **_named(job), error=str(error))

    async def _put_back(self, job: PrintJob, attempt_id: int, lane: LaneTerm, error: AdapterError) -> None:
        """Nothing was fiscalised: the receipt keeps its place at the head of the lane."""
        now, text, commands = self._clock.now(), error.detail.ru, self._commands()
        await self._db.write(
            lambda c: records.print_not_ready(
                c, job.seq, attempt_id=attempt_id, lane=lane, at=now, error=text, commands=commands
            )
        )
        self._listener.print_failed(self._session.register_id, "not_ready")

    async def _write_down(
        self,
        job: PrintJob,
        attempt_id: int,
        document: FiscalDocument,
        lane: LaneTerm,
        take_following: Callable[[], PrintJob | None],
    ) -> PrintJob | None:
        """The document, its answer, and the attempt of the following receipt, in one commit."""
        following = take_following()
        item = printed_item(
            job,
            document,
            await self._session.open(),
            attempt_id=attempt_id,
            lane=lane,
            at=self._clock.now(),
            following=following,
            tells=self._session.driver.tells,
            commands=self._commands(),
        )
        try:
            done = await self._db.write_each(records.printed, item)
        except IllegalTransition:
            if following is None:
                raise
            # The following receipt is no longer what the queue thought; this document counts all the same.
            self._log.warning("following_receipt_changed", seq=following.seq)
            return await self._write_down(job, attempt_id, document, lane, lambda: None)
        self._session.baseline = item.baseline
        self._waiting.settle(job.receipt.id, item.answer)
        return None if following is None else following.with_attempt(done.next_attempt_id)

    async def _refuse(
        self, job: PrintJob, attempt_id: int, lane: LaneTerm, error: KktRefused
    ) -> DeviceRefused:
        now, tries = self._clock.now(), job.tries + 1
        wait_s = backoff(tries) if tries <= AUTOMATIC_TRIES else None
        due_at = None if wait_s is None else now + timedelta(seconds=wait_s)
        text, commands = f"{error.device_code}: {error.detail.ru}", self._commands()
        await self._db.write(
            lambda c: records.print_refused(
                c,
                job.seq,
                receipt_id=job.receipt.id,
                attempt_id=attempt_id,
                lane=lane,
                at=now,
                error=text,
                due_at=due_at,
                commands=commands,
            )
        )
        self._listener.print_failed(self._session.register_id, "refused")
        self._log.warning("print_refused", **_named(job), code=error.device_code, retry_in_s=wait_s)
        self._waiting.settle(job.receipt.id, None)
        return DeviceRefused(retry_in_s=wait_s)


def _named(job: PrintJob) -> dict[str, str]:
    return {"receipt_id": job.receipt.id, "pos_id": job.receipt.pos_id}
