"""``counts``: what a receipt costs in flushes, commits and statements, and whether the totals are true.

Nothing here depends on a clock. Checkpoints are switched off while flushes are counted: what is left are the
commits of receipts, and those of leases that are renewed meanwhile.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.books import counted, differences
from bench.load import InvalidRun, Wanted, run
from bench.method import Method
from bench.operator import operating
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim

CONNECTIONS = 32
ONE_BY_ONE = 100  # receipts counted at one connection: done before a lease is renewed (10 s)
SETTLED_S = 60.0
NO_CHECKPOINTS = {"KKT_WAL_AUTOCHECKPOINT": "1000000"}


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    say("counts: commits and statements")
    found = _inside(method, shim)
    one, many = found["c=1"], found["c=32"]
    report.note("counts: SQL statements per receipt, c=1", "", [one["statements"]])
    report.note("counts: SQL statements per receipt, c=32", "", [many["statements"]])
    report.note("counts: commits per receipt, c=32, without HTTP", "", [many["commits"]])
    for name, cost in (("c=1", one), ("c=32", many)):
        report.note(f"counts: pages written to the log per receipt, {name}", "", [cost["frames"]])
    report.add(
        Target(row="11", what="commits per receipt, c=1, off from 2", must=0, at_least=False),
        [abs(one["commits"] - 2)],
    )
    if shim is None:
        report.skipped.append("counts of fsync: no C compiler for the shim")
    else:
        report.add(
            Target(row="11 fsync", what="fsyncs per receipt, c=1, off from 2", must=0, at_least=False),
            [abs(one["flushes"] - 2)],
        )
        say(f"counts: fsyncs of {method.counted} receipts over HTTP")
        report.add(
            Target(
                row="10",
                what=f"fsyncs per receipt, c=32, first {method.counted}",
                must=0.25,
                stretch=0.12,
                at_least=False,
            ),
            [_flushes_per_receipt(method, shim)],
        )
    for scan in found["scans"]:
        say(f"counts: {scan}")
    report.add(
        Target(row="12", what="full scans on ingest, health, status, metrics", must=0, at_least=False),
        [len(found["scans"])],
    )
    wrong = _totals(method, say)
    for line in wrong:
        say(f"counts: {line}")
    report.add(
        Target(row="13", what="totals that differ from COUNT (load, crash, drain)", must=0, at_least=False),
        [len(wrong)],
    )


def _inside(method: Method, shim: Shim | None) -> dict[str, Any]:
    folder = _fresh(method)
    command = [sys.executable, "-m", "bench.counted", str(folder), "--receipts", str(ONE_BY_ONE)]
    if shim is None:
        return _json(command, {})
    with shim.counting(folder) as counter:
        return _json(command, counter.environment)


def _json(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _flushes_per_receipt(method: Method, shim: Shim) -> float:
    folder = _fresh(method)
    with shim.counting(folder) as counter:
        environment = {**counter.environment, **NO_CHECKPOINTS}
        with product(folder, CONNECTIONS, environment=environment) as server:
            before = counter.read()
            outcome = run(server.port, Wanted(connections=CONNECTIONS, receipts=method.counted))
            flushes = counter.read().since(before)
    if flushes.database:
        raise InvalidRun("the database was checkpointed while its flushes were counted")
    return flushes.log / outcome.answers


def _totals(method: Method, say: Callable[[str], None]) -> list[str]:
    """Load, crash and drain one database; every disagreement between status, COUNT and what was answered."""
    folder = _fresh(method)
    say("counts: totals after load and crash")
    answered = _load_and_kill(method, folder)
    with operating() as operator:
        with product(folder, CONNECTIONS) as server:
            _until(server, lambda status: not status["unprinted"])
            wrong = _told(server, folder, "after the crash")
        stored = counted(folder)["total_receipts"]
        if stored < answered:
            wrong.append(f"after the crash: {answered} receipts were answered, {stored} are there")
        say(f"counts: totals after draining {stored} receipts")
        with product(folder, CONNECTIONS, operator_port=operator.port) as server:
            _until(server, lambda status: status["synced"] == stored)
            wrong += _told(server, folder, "after the drain")
        seen = operator.look()
        if seen.repeated or seen.faults:
            wrong.append(f"the operator saw {seen.repeated} repeated documents and {seen.faults} faults")
    with sqlite3.connect(f"file:{folder / 'buffer.db'}?mode=ro", uri=True) as connection:
        twice = connection.execute(
            "SELECT count(*) FROM (SELECT receipt_key FROM documents WHERE receipt_key IS NOT NULL"
            " GROUP BY receipt_key HAVING count(*) > 1)"
        ).fetchone()[0]
    return wrong + ([f"{twice} receipts were printed twice"] if twice else [])


def _load_and_kill(method: Method, folder: Path) -> int:
    """How many receipts were answered before the process was killed in the middle of a load."""
    with product(folder, CONNECTIONS) as server:
        first = run(server.port, Wanted(connections=CONNECTIONS, receipts=method.counted // 2))
        wrong = differences(server.get("/v1/kkt/buffer/status"), folder)
        if wrong:
            raise InvalidRun(f"after the load: {wrong}")
        killer = threading.Timer(1.0, server.kill)
        killer.start()
        try:
            run(server.port, Wanted(connections=CONNECTIONS, warm_up_s=0, measured_s=30))
        except (InvalidRun, OSError):
            pass  # the connections broke, as they should
        killer.join()
    return first.answers


def _told(server: Server, folder: Path, when: str) -> list[str]:
    return [f"{when}: {line}" for line in differences(server.get("/v1/kkt/buffer/status"), folder)]


def _until(server: Server, is_so: Callable[[dict[str, Any]], bool]) -> None:
    until = time.monotonic() + SETTLED_S
    while not is_so(status := server.get("/v1/kkt/buffer/status")):
        if time.monotonic() > until:
            raise InvalidRun(f"not settled within {SETTLED_S:.0f} s: {status}")
        time.sleep(0.1)


def _fresh(method: Method) -> Path:
    folder = method.folder / "counts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
