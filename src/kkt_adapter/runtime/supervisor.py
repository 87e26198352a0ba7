"""Runs the long-lived services: start in order, restart what crashes, stop in reverse.

The only place that makes tasks for services. A crash never spreads: it is logged once, the service waits
1, 2, 4 .. 60 s and starts again, and its state is there for health checks meanwhile.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Protocol

from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within

STOP_WITHIN_S = 10.0  # delivery.md#worker: finish the current receipt, at most 10 s
CANCEL_WITHIN_S = 2.0  # a cancelled service cleans up within this, or is left behind
STEADY_S = 60.0  # a service that ran this long starts its next back-off from the beginning


class Service(Protocol):
    """Something that runs for as long as the program does."""

    name: str

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, finish the current step, and return.

        May be called again after it raised or returned early. When cancelled it cleans up and lets the
        cancellation through; that happens only when it did not return in time.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What health checks see."""

    running: bool = False
    restarts: int = 0
    last_error: str | None = None  # class and text of the last crash


class Supervisor:
    """``async with`` starts the services in the order given and stops them in reverse."""

    def __init__(
        self, services: Sequence[Service], *, clock: Clock, stop_within_s: float = STOP_WITHIN_S
    ) -> None:
        self._clock = clock
        self._stop_within_s = stop_within_s
        self._log = get_logger("supervisor")
        self._runs: list[_Run] = []
        self.enlist(services)

    @property
    def states(self) -> Mapping[str, ServiceState]:
        """A snapshot by service name, in starting order."""
        return {run.service.name: run.state for run in self._runs}

    async def __aenter__(self) -> "Supervisor":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def enlist(self, services: Sequence[Service]) -> None:
        """Have `start` start these too, after those that are here."""
        names = [*self.states, *(service.name for service in services)]
        if len(set(names)) != len(names):
            raise ValueError(f"two services have one name: {names}")
        self._runs += [_Run(service) for service in services]

    async def start(self) -> None:
        """Start all services; each gets to its first ``await`` before the next one starts.

        The loop begins tasks in the order of their making, so one turn is enough for all.
        """
        for run in self._runs:
            if run.task is None:
                run.task = asyncio.create_task(self._keep(run), name=run.service.name)
        await asyncio.sleep(0)

    async def add(self, service: Service) -> None:
        """Start one more service, after those that run; it is stopped before them.

        Raises:
            ValueError: a service of that name is here already.
        """
        if service.name in self.states:
            raise ValueError(f"a service named {service.name} is here already")
        run = _Run(service)
        self._runs.append(run)
        run.task = asyncio.create_task(self._keep(run), name=service.name)
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Ask each service to return, the last started first, then cancel those that did not in time.

        Parts of one class, such as the lanes of all registers, stop side by side. The deadline is one
        for all of them. May be called twice.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._stop_within_s
        peers = [list(group) for _, group in groupby(reversed(self._runs), lambda run: type(run.service))]
        for group in peers:
            for run in group:
                run.stop.set()
            await _wait(group, max(0.0, deadline - loop.time()))
        for group in peers:
            late = [run for run in group if run.task is not None and not run.task.done()]
            for run in late:
                self._log.warning("service_cancelled", service=run.service.name)
                assert run.task is not None
                run.task.cancel()
            await _wait(late, CANCEL_WITHIN_S)

    async def _keep(self, run: "_Run") -> None:
        crashes_in_a_row = 0
        while not run.stop.is_set():
            began = self._clock.monotonic()
            error = await self._once(run)
            if run.stop.is_set():
                return
            if self._clock.monotonic() - began >= STEADY_S:
                crashes_in_a_row = 0
            crashes_in_a_row += 1
            delay_s = backoff(crashes_in_a_row)
            run.state = ServiceState(restarts=run.state.restarts + 1, last_error=_describe(error))
            self._log.error("service_crashed", service=run.service.name, restart_in_s=delay_s, exc_info=error)
            await happens_within(self._clock, delay_s, run.stop)

    async def _once(self, run: "_Run") -> Exception:
        """Run the service; its error, or one that says that it returned unasked."""
        run.state = ServiceState(running=True, restarts=run.state.restarts, last_error=run.state.last_error)
        self._log.info("service_started", service=run.service.name)
        try:
            await run.service.run(run.stop)
            if run.stop.is_set():
                self._log.info("service_stopped", service=run.service.name)
        except Exception as error:
            if run.stop.is_set():
                self._log.error("service_crashed_while_stopping", service=run.service.name, exc_info=error)
            return error
        finally:
            run.state = ServiceState(restarts=run.state.restarts, last_error=run.state.last_error)
        return RuntimeError("returned without being asked to stop")


class _Run:
    """One service under supervision."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.state = ServiceState()


async def _wait(runs: Sequence[_Run], within_s: float) -> None:
    tasks = [run.task for run in runs if run.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=within_s)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
