"""Jobs of the web server: one is queued under a uuid of its own, and awaited; none is queued twice.

A job that makes a document has a uuid that follows from what it makes and from the number of the attempt, so
that sending it again, by this process or another one, cannot make a second document: the server knows it.
The queue of a register is done in order. So an answered question is also a barrier: every job that was queued
before it has come to its end.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import structlog

from kkt_adapter.fiscal.kkt.atol.answers import SubResult
from kkt_adapter.fiscal.kkt.atol.troubles import busy, lost, no_rights, queue_blocked, silent, web_refused
from kkt_adapter.fiscal.kkt.atol.web import KnownJob, NoJob, WebDown, WebRefused, WebServer
from kkt_adapter.fiscal.kkt.command_times import CommandMeter
from kkt_adapter.kernel.errors import Text

NAMESPACE = UUID("6f0d1f6e-52c3-4c0b-9d5c-3f1f7a0c9b12")  # of our jobs; any constant will do


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds. Tests have none."""

    connect_s: float = 3.0
    exchange_s: float = 10.0  # one HTTP request and its answer
    result_s: float = 60.0  # a document: printing it, and waiting for its turn
    look_s: float = 20.0  # a question
    mark_s: float = 60.0  # a marking code: the register asks a server
    late_s: float = 10.0  # how long a request whose answer was lost may still arrive
    tries: int = 4  # to queue one job
    first_pause_s: float = 0.02
    longest_pause_s: float = 1.0


class JobLost(Exception):
    """Nobody knows what became of the job."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that has come to its end. ``old``: it was there before it was sent now."""

    uuid: str
    result: SubResult
    old: bool


def job_uuid(fn_number: str, what: str, attempt: int) -> str:
    """``what`` names what is made (``receipt:<id>``, ``shift:<number>:open``); ``attempt`` counts from 1."""
    return str(uuid5(NAMESPACE, f"{fn_number}:{what}:{attempt}"))


class Jobs:
    """The queue of one register."""

    def __init__(self, web: WebServer, *, patience: Patience, monotonic: Callable[[], float]) -> None:
        self._web = web
        self._patience = patience
        self._monotonic = monotonic
        self.meter = CommandMeter(monotonic)
        self._lost_at = float("-inf")
        self._log = structlog.get_logger("atol")

    @property
    def settle_s(self) -> float:
        """What is left of the time in which a request whose answer was lost can still arrive."""
        return max(self._lost_at + self._patience.late_s - self._monotonic(), 0.0)

    async def make(self, uuid: str, task: dict[str, Any]) -> Ended:
        """Queue a job that makes a document, or find it queued, and wait for its end.

        Raises:
            JobLost: no end in sight, or the server has lost it.
            KktUnavailable, KktRefused, KktBlocked: it was not queued.
        """
        with self.meter.command(str(task["type"])):
            old = not await self._queue(uuid, [task])
            result = await self._end_of(uuid, self._patience.result_s)
        return Ended(uuid=uuid, result=result[0], old=old)

    async def ask(
        self, tasks: Sequence[dict[str, Any]], *, timeout_s: float | None = None
    ) -> list[SubResult]:
        """Questions that make no document, in one job.

        Raises:
            KktUnavailable, KktBlocked: no answer; nothing was changed.
        """
        uuid, within_s = str(uuid4()), timeout_s or self._patience.look_s
        try:
            with self.meter.command(str(tasks[-1]["type"])):
                await self._queue(uuid, list(tasks))
                return list(await self._end_of(uuid, within_s, leave_when_blocked=True))
        except JobLost as error:
            await self._take_back(uuid)
            queue = await self._blocked_queue()
            raise (silent(error.why.en) if queue is None else queue) from error

    async def _queue(self, uuid: str, tasks: list[dict[str, Any]]) -> bool:
        """False: the server had it already, and it was not us just now."""
        maybe_sent = False
        why = ""
        for pause_s in self._pauses(self._patience.tries):
            try:
                await self._web.post(uuid, tasks)
                return True
            except KnownJob:
                return maybe_sent or await self._is_not_there(uuid)
            except WebRefused as error:
                if maybe_sent:
                    raise JobLost(Text(str(error), str(error))) from error
                raise (no_rights(error) if error.status == 401 else web_refused(error)) from error
            except WebDown as error:
                maybe_sent, why = maybe_sent or error.sent, error.why
                self._log.info("job_not_queued", uuid=uuid, why=why, sent=error.sent)
            await asyncio.sleep(pause_s)
        if not maybe_sent:
            raise silent(why)
        self._lost_at = self._monotonic()
        raise JobLost(Text(why, why))

    async def _is_not_there(self, uuid: str) -> bool:
        """After a 409: False when the job is there. Raises KktUnavailable: the device is not active."""
        try:
            await self._web.results(uuid)
        except NoJob as error:
            raise busy(
                Text("the device is not active in the web server", "устройство не активно в веб-сервере")
            ) from error
        except (WebDown, WebRefused) as error:
            raise JobLost(Text(str(error), str(error))) from error
        return False

    async def _end_of(
        self, uuid: str, timeout_s: float, *, leave_when_blocked: bool = False
    ) -> tuple[SubResult, ...]:
        """Raises JobLost."""
        until = self._monotonic() + timeout_s
        why, pause_s, looked = "", self._patience.first_pause_s, False
        while True:
            try:
                results = await self._web.results(uuid)
                if all(one.is_final for one in results):
                    return results
                why = results[0].status.value
            except NoJob as error:
                raise JobLost(
                    Text("the web server has lost the job", "веб-сервер потерял задание")
                ) from error
            except WebRefused as error:
                raise JobLost(Text(str(error), str(error))) from error
            except WebDown as error:
                why = error.why
            if self._monotonic() > until:
                raise JobLost(Text(f"no result in time: {why}", f"нет результата вовремя: {why}"))
            if leave_when_blocked and not looked and pause_s >= self._patience.longest_pause_s / 2:
                looked = True
                if await self._blocked_queue() is not None:
                    raise JobLost(Text("the queue is blocked", "очередь заблокирована"))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._patience.longest_pause_s)

    async def _blocked_queue(self) -> Exception | None:
        """Why the queue stands still; None: it does not, or nobody knows."""
        try:
            queue = await self._web.queue()
        except (WebDown, WebRefused):
            return None
        return (
            queue_blocked(queue.reason, queue.blocked_uuid) if queue is not None and queue.blocked else None
        )

    async def _take_back(self, uuid: str) -> None:
        """A question that nobody waits for any more must not pile up in a queue that stands still."""
        try:
            await self._web.cancel(uuid)
        except (WebDown, WebRefused) as error:
            self._log.info("job_not_taken_back", uuid=uuid, why=str(error))

    def _pauses(self, count: int) -> list[float]:
        first, longest = self._patience.first_pause_s, self._patience.longest_pause_s
        return [min(first * 4**n, longest) for n in range(count)]


def unknown(error: JobLost) -> Exception:
    return lost(error.why)
