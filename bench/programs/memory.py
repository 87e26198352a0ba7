"""``memory``: what the delivery worker and the heartbeat cost in resident memory over the idle service.

Both variants are fresh processes, side by side in each round, that accept and print the same number of
receipts, so that caches of the database are equally full; delivering and telling begin with the first of
them. The idle one has no operator and no back office and rests afterwards; the other one delivers every
receipt to an operator and tells every event to a back office, both in processes of their own. The highest
resident memory counts, while they work and after it. Everybody is asked for its status equally often.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import InvalidRun, Wanted, run
from bench.method import Method
from bench.office import keeping_books
from bench.operator import operating
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim

TILLS = 8
ASK_S = 0.1
IDLE_ASKED = 50  # how often the idle one is asked: about as long as the other one takes to come to its end
REST_ASKED = 20  # and once more, when all is done
WORKED_S = 300.0
WORKER = {"KKT_WAKE_ON_RECEIPT": "1", "KKT_SYNC_INTERVAL": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Resident memory, in units of 1,000,000 bytes."""

    highest: float
    at_end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the service says of itself."""

    queued: int  # receipts that are not delivered
    acked: int  # the last event that the back office acknowledged; 0 without one


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    idle, busy = [], []
    for number in range(1, method.rounds + 1):
        say(f"memory, round {number} of {method.rounds}: {method.drained} receipts, idle")
        idle.append(_idle(method))
        say(f"memory, round {number} of {method.rounds}: worker and heartbeat at work")
        busy.append(_busy(method))
    for name, used in (("idle", idle), ("worker and heartbeat", busy)):
        report.note(f"memory: {name}, highest", "MB", [one.highest for one in used])
        report.note(f"memory: {name}, when done", "MB", [one.at_end for one in used])
    report.add(
        Target(row="22", what="worker and heartbeat over idle, MB", must=10, at_least=False),
        [b.highest - i.highest for b, i in zip(busy, idle, strict=True)],
    )


def _idle(method: Method) -> Used:
    with product(_fresh(method), TILLS) as server:
        run(server.port, Wanted(connections=TILLS, receipts=method.drained))
        asked = iter(range(IDLE_ASKED))
        return _watch(server, lambda told: next(asked, None) is None)


def _busy(method: Method) -> Used:
    folder = _fresh(method)
    with operating() as operator, keeping_books() as office:
        environment = WORKER | {"HEARTBEAT_URL": office.url, "HEARTBEAT_INTERVAL": "1"}
        with product(folder, TILLS, operator_port=operator.port, environment=environment) as server:
            run(server.port, Wanted(connections=TILLS, receipts=method.drained))
            used = _watch(server, lambda told: _is_done(told, folder))
            _check(office.look(), folder)
    return used


def _fresh(method: Method) -> Path:
    folder = method.folder / "memory"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _is_done(told: Told, folder: Path) -> bool:
    """Everything is delivered, and every event acknowledged."""
    return told.queued == 0 and told.acked >= _last_event(folder)


def _watch(server: Server, is_done: Callable[[Told], bool]) -> Used:
    until, highest, rest = time.monotonic() + WORKED_S, 0.0, REST_ASKED
    while rest:
        if time.monotonic() > until:
            raise InvalidRun("the worker or the heartbeat did not come to its end")
        rest -= is_done(_ask(server))
        highest = max(highest, server.memory_mb())
        time.sleep(ASK_S)
    return Used(highest=highest, at_end=server.memory_mb())


def _ask(server: Server) -> Told:
    queued = server.get("/v1/kkt/buffer/status")["current_queued"]
    targets = server.get("/v1/kkt/heartbeat/status")["targets"]
    return Told(queued=queued, acked=targets[0]["acked_event_id"] if targets else 0)


def _check(book: Mapping[str, Any], folder: Path) -> None:
    """The back office has every event once, in order."""
    wanted = _scalar(folder, f"SELECT count(*) FROM buffer_events WHERE {_TOLD}")
    faults = [book[name] for name in ("conflicts", "order_faults", "document_faults", "identity_faults")]
    if book["events"] != wanted or any(faults):
        raise InvalidRun(f"the back office has {book['events']} of {wanted} events, faults {faults}")


_TOLD = "event_type IN ('receipt_added', 'receipt_printed', 'receipt_synced')"


def _last_event(folder: Path) -> int:
    return _scalar(folder, f"SELECT max(id) FROM buffer_events WHERE {_TOLD}")


def _scalar(folder: Path, query: str) -> int:
    with sqlite3.connect(f"file:{folder / 'buffer.db'}?mode=ro", uri=True) as connection:
        found = int(connection.execute(query).fetchone()[0])
    connection.close()
    return found
