"""``ingest``: the product beside its baselines, on the disk as it is and on a slow one.

Every variant of a round gets a fresh process and a fresh database; a round runs each variant once.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.load import InvalidRun, Outcome, Wanted, quantile, run
from bench.method import Disk, Method
from bench.processes import Server, product, serving
from bench.report import Report, Target
from bench.shim import Shim

OVERLOAD_LIMIT = 64  # KKT_MAX_IN_FLIGHT of the overload line; the default takes 256
OVERLOAD_CONNECTIONS = 96

Start = Callable[[Path, Mapping[str, str]], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to take receipts. ``decides``: a must depends on it, so that quick runs measure it too."""

    name: str
    wanted: Wanted
    start: Start
    decides: bool = True


def the_product(
    connections: int, *, registers: int | None = None, environment: Mapping[str, str] | None = None
) -> Start:
    return lambda folder, disk: product(
        folder, connections, registers=registers, environment={**(environment or {}), **disk}
    )


def baseline(name: str, connections: int) -> Start:
    def start(folder: Path, disk: Mapping[str, str]) -> AbstractContextManager[Server]:
        return serving(
            ["bench.apps", name, str(folder), "--tills", str(connections)], folder, environment=disk
        )

    return start


def variants(method: Method, disk: Disk) -> list[Variant]:
    """In the order in which a round runs them: those whose ratio is taken stand side by side."""
    posting = Wanted(connections=1, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    found = [
        Variant(
            name=f"{name} c={connections}",
            wanted=replace(posting, connections=connections),
            start=start,
            decides=(name, connections) in _DECIDES[disk],
        )
        for connections in (32, 1, 64, 8)
        for name, start in (
            ("product", the_product(connections)),
            ("echo", baseline("echo", connections)),
            ("per-request", baseline("per-request", connections)),
        )
        if connections in (1, 32, 64) or name != "per-request"
    ]
    at_32 = replace(posting, connections=32)
    found += [
        Variant(
            name="product c=32, one register",
            wanted=at_32,
            start=the_product(32, registers=1),
            decides=False,
        ),
        Variant(
            name="product c=32, device 20 ms",
            wanted=at_32,
            start=the_product(32, environment={"KKT_VIRTUAL_LATENCY": "0.02"}),
            decides=False,
        ),
    ]
    if disk is Disk.FAST:
        found += [
            Variant(
                name="product c=32, health asked",
                wanted=replace(at_32, health=True),
                start=the_product(32),
            ),
            Variant(
                name=f"product c={OVERLOAD_CONNECTIONS}, takes {OVERLOAD_LIMIT}",
                wanted=replace(posting, connections=OVERLOAD_CONNECTIONS, overload=True),
                start=the_product(
                    OVERLOAD_CONNECTIONS, environment={"KKT_MAX_IN_FLIGHT": str(OVERLOAD_LIMIT)}
                ),
            ),
        ]
    return [variant for variant in found if variant.decides or not method.quick]


_BOTH = ("product", "per-request")
_DECIDES = {
    Disk.FAST: {("echo", 32), *((name, connections) for name in _BOTH for connections in (1, 32))},
    Disk.SLOW: {(name, connections) for name in _BOTH for connections in (1, 32, 64)},
}


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    for disk in method.disks:
        environment: Mapping[str, str] = {}
        if disk is Disk.SLOW:
            if shim is None:
                report.skipped.append("ingest on a slow disk: no C compiler for the shim")
                continue
            environment = shim.slow_disk()
        _measure(method, report, disk, environment, say)


def _measure(
    method: Method, report: Report, disk: Disk, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    rounds: list[dict[str, Outcome]] = []
    raw: list[dict[int, float]] = []
    count = method.rounds if disk is Disk.FAST else method.few_rounds  # a slow disk has little noise
    for number in range(1, count + 1):
        outcomes = {}
        for variant in variants(method, disk):
            say(f"ingest, {disk}, round {number} of {count}: {variant.name}")
            outcomes[variant.name] = _once(method, variant, environment)
        rounds.append(outcomes)
        say(f"ingest, {disk}, round {number} of {count}: raw")
        groups = (16,) if method.quick else (1, 16, 64)
        raw.append({rows: _raw(method, rows, environment) for rows in groups})
    _note(report, disk, rounds, raw)
    (_judge_fast if disk is Disk.FAST else _judge_slow)(report, rounds, raw)


def _once(method: Method, variant: Variant, environment: Mapping[str, str]) -> Outcome:
    folder = method.folder / "ingest"
    shutil.rmtree(folder, ignore_errors=True)
    with variant.start(folder, environment) as server:
        try:
            return run(server.port, variant.wanted, processor_s=server.processor_s)
        except InvalidRun as fault:
            raise InvalidRun(f"{variant.name}: {fault}") from None


def _raw(method: Method, rows: int, environment: Mapping[str, str]) -> float:
    folder = method.folder / "raw"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "bench.raw", str(folder), "--rows", str(rows)]
    command += ["--seconds", str(method.measured_s), "--warm-up", str(method.warm_up_s)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return float(json.loads(done.stdout)["per_s"])


def _note(report: Report, disk: Disk, rounds: list[dict[str, Outcome]], raw: list[dict[int, float]]) -> None:
    for name in rounds[0]:
        outcomes = [outcomes[name] for outcomes in rounds]
        report.note(f"{disk}: {name}", "receipts/s", (o.per_s for o in outcomes))
        report.note(f"{disk}: {name}, p50", "ms", (o.latency(0.5) * 1000 for o in outcomes))
        report.note(f"{disk}: {name}, p99", "ms", (o.latency(0.99) * 1000 for o in outcomes))
        report.note(f"{disk}: {name}, processor", "ms", (o.processor_ms for o in outcomes))
    for rows in raw[0]:
        report.note(f"{disk}: raw N={rows}", "receipts/s", (rates[rows] for rates in raw))


def _ratio(rounds: list[dict[str, Outcome]], above: str, below: str) -> list[float]:
    return [outcomes[above].per_s / outcomes[below].per_s for outcomes in rounds]


def _judge_fast(report: Report, rounds: list[dict[str, Outcome]], raw: list[dict[int, float]]) -> None:
    report.add(
        Target(row="1", what="ingest / echo, c=32", must=0.40, stretch=0.60),
        _ratio(rounds, "product c=32", "echo c=32"),
    )
    report.add(
        Target(row="2", what="ingest c=32 / raw N=16", must=0.07, stretch=0.12),
        (outcomes["product c=32"].per_s / rates[16] for outcomes, rates in zip(rounds, raw, strict=True)),
    )
    report.add(
        Target(row="6", what="ingest / per-request, c=32, fast disk", must=2.5, stretch=4),
        _ratio(rounds, "product c=32", "per-request c=32"),
    )
    report.add(
        Target(row="7 fast", what="ingest / per-request, c=1, fast disk", must=1, stretch=1.3),
        _ratio(rounds, "product c=1", "per-request c=1"),
    )
    report.add(
        Target(row="9", what="p99 / p50 of POST, c=32", must=2.5, stretch=2, at_least=False),
        (o["product c=32"].latency(0.99) / o["product c=32"].latency(0.5) for o in rounds),
    )
    report.add(
        Target(
            row="28",
            what="processor per receipt, c=32, all threads, ms",
            must=0.35,
            stretch=0.25,
            at_least=False,
        ),
        (outcomes["product c=32"].processor_ms for outcomes in rounds),
    )
    asked = [outcomes["product c=32, health asked"] for outcomes in rounds]
    report.add(
        Target(row="19", what="health p99 / POST p99, c=32", must=1, stretch=0.5, at_least=False),
        (quantile(o.health, 0.99) / o.latency(0.99) for o in asked),
    )
    busy = [outcomes[f"product c={OVERLOAD_CONNECTIONS}, takes {OVERLOAD_LIMIT}"] for outcomes in rounds]
    report.add(
        Target(row="20", what="p99 / p50 of accepted ones, overloaded", must=3, at_least=False),
        (o.latency(0.99) / o.latency(0.5) for o in busy),
    )
    report.add(
        Target(row="20 refused", what="refused with 503 OVERLOADED and Retry-After", must=1),
        (o.refused for o in busy),
    )


def _judge_slow(report: Report, rounds: list[dict[str, Outcome]], raw: list[dict[int, float]]) -> None:
    report.add(
        Target(row="3", what="ingest c=32 / raw N=16, slow disk", must=0.30, stretch=0.45),
        (outcomes["product c=32"].per_s / rates[16] for outcomes, rates in zip(rounds, raw, strict=True)),
    )
    report.add(
        Target(row="4", what="ingest / per-request, c=32, slow disk", must=14, stretch=18),
        _ratio(rounds, "product c=32", "per-request c=32"),
    )
    report.add(
        Target(row="5", what="ingest / per-request, c=64, slow disk", must=22, stretch=30),
        _ratio(rounds, "product c=64", "per-request c=64"),
    )
    report.add(
        Target(row="7 slow", what="ingest / per-request, c=1, slow disk", must=0.9),
        _ratio(rounds, "product c=1", "per-request c=1"),
    )
