"""What waits for a database thread, and how a thread answers the event loop."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

Work = Callable[[Connection], Any]
Apply = Callable[[Connection, Sequence[Any]], Sequence[Any]]

TURNS = 4  # a caller, its lane, what the lane calls, and one for what came from outside meanwhile


class DatabaseJob:
    """One waiting call: ``work``, or an ``item`` for ``apply``; ``value`` or ``error`` is its outcome."""

    __slots__ = ("apply", "error", "future", "item", "value", "work")

    def __init__(
        self,
        future: asyncio.Future[Any],
        *,
        work: Work | None = None,
        apply: Apply | None = None,
        item: Any = None,
    ) -> None:
        self.future = future
        self.work = work
        self.apply = apply
        self.item = item
        self.value: Any = None
        self.error: BaseException | None = None


def arrange(jobs: Iterable[DatabaseJob]) -> list[list[DatabaseJob]]:
    """The order in which a group runs: in the order of arrival, except that all items for the same
    ``apply`` run together, in their own order, at the place of the first of them.

    Callers in one group all still wait for their answer, so none of them can tell the difference from an
    order of arrival that was so by chance.
    """
    units: list[list[DatabaseJob]] = []
    batches: dict[Apply, list[DatabaseJob]] = {}
    for job in jobs:
        if job.apply is None:
            units.append([job])
        elif (batch := batches.get(job.apply)) is not None:
            batch.append(job)
        else:
            batches[job.apply] = batch = [job]
            units.append(batch)
    return units


def run_unit(connection: Connection, unit: Sequence[DatabaseJob]) -> list[Any]:
    """Call the work of one unit; one outcome for each of its jobs, in order.

    Raises:
        Exception: whatever the work raised; or TypeError when ``apply`` did not answer item by item.
    """
    first = unit[0]
    if first.apply is None:
        assert first.work is not None
        return [first.work(connection)]
    outcomes = list(first.apply(connection, [job.item for job in unit]))
    if len(outcomes) != len(unit):
        raise TypeError(f"apply gave {len(outcomes)} outcomes for {len(unit)} items")
    return outcomes


def keep(unit: Sequence[DatabaseJob], outcomes: Sequence[Any]) -> None:
    """Write the outcomes of a unit down; an exception among those of an ``apply`` is its caller's."""
    for job, outcome in zip(unit, outcomes, strict=True):
        if job.apply is not None and isinstance(outcome, Exception):
            job.error = outcome
        else:
            job.value = outcome


def answer(jobs: Sequence[DatabaseJob], *, settled: Callable[[], object] | None = None) -> None:
    """Wake all callers with one hand-over to each event loop (there is one loop, outside of tests).

    ``settled`` is called on the loop when it has turned ``TURNS`` times since, so that the callers, and whom
    they woke in their turn, have run until they waited again; at once and here when the loop is closed.
    """
    by_loop: dict[asyncio.AbstractEventLoop, list[DatabaseJob]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, answered in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, answered, settled)
        except RuntimeError:  # the loop is closed: nobody waits any more
            if settled is not None:
                settled()


def drop(connection: Connection) -> None:
    """Close a connection that may be broken."""
    try:
        connection.close()
    except Exception:
        connection.invalidate()


def _settle(jobs: Sequence[DatabaseJob], settled: Callable[[], object] | None = None) -> None:
    for job in jobs:
        future, error = job.future, job.error
        if future.done():  # its caller was cancelled
            continue
        if error is None:
            future.set_result(job.value)
        elif isinstance(error, StopIteration):  # a future cannot carry one
            future.set_exception(RuntimeError("a database job raised StopIteration"))
        else:
            future.set_exception(error)
    if settled is not None:
        _after_turns(TURNS, settled)


def _after_turns(left: int, then: Callable[[], object]) -> None:
    """Call ``then`` when the loop has turned that often; an idle loop turns at once."""
    if left:
        asyncio.get_running_loop().call_soon(_after_turns, left - 1, then)
    else:
        then()
