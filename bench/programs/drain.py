"""``drain``: stored receipts of many FNs to an operator in another process, over the binary protocol.

The receipts are stored once, without an operator; every round and variant works on a copy of that folder.
Order, loss and a second acceptance are looked for in every drain, at the operator.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import bare
from bench.books import differences
from bench.load import InvalidRun, Wanted, run
from bench.method import Method
from bench.operator import Received, operating
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim

DRAINED_S = 300.0  # no drain takes longer
REST_S = 0.3  # the last answers may be on their way when the operator has everything
_REPORTS = 2  # documents of an FN that belong to no receipt: registration, opening of the shift


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    say(f"drain: storing {method.drained} receipts over {method.drives} FNs")
    stored = method.folder / "drain-stored"
    with product(stored, method.drives) as server:
        wanted = Wanted(connections=method.drives, receipts=method.drained)
        run(server.port, wanted)
        receipts = int(server.get("/v1/kkt/buffer/status")["total_receipts"])
    expected = receipts + _REPORTS * method.drives
    plain, hung, bare_rates, others, faults = [], [], [], [], []
    for number in range(1, method.rounds + 1):
        say(f"drain, round {number} of {method.rounds}: bare")
        bare_rates.append(_bare(stored, expected).per_s())
        say(f"drain, round {number} of {method.rounds}: product")
        seen, found = _product(method, stored, receipts, expected)
        plain.append(seen.per_s())
        faults.append(found)
        slow = next(iter(seen.documents))
        others.append(seen.per_s(without=slow))
        say(f"drain, round {number} of {method.rounds}: product, one FN hangs")
        hung_seen, found = _hanging(method, stored, slow, expected - seen.documents[slow])
        hung.append(hung_seen.per_s(without=slow))
        faults.append(found)
    report.note("drain: bare", "documents/s", bare_rates)
    report.note("drain: product", "documents/s", plain)
    report.note("drain: product, one FN hangs, the others", "documents/s", hung)
    report.add(
        Target(row="14", what=f"drain, {method.drives} FNs / bare drain", must=0.60, stretch=0.75),
        (ours / theirs for ours, theirs in zip(plain, bare_rates, strict=True)),
    )
    report.add(
        Target(row="15", what="drain with one FN hanging / with none, the others", must=0.80, stretch=0.95),
        (with_one / with_none for with_one, with_none in zip(hung, others, strict=True)),
    )
    report.add(
        Target(row="16", what="order faults, losses, second acceptances", must=0, at_least=False),
        (float(found) for found in faults),
    )


def _bare(stored: Path, expected: int) -> Received:
    with operating() as operator:
        command = [sys.executable, "-m", "bench.bare", str(stored), "--port", str(operator.port)]
        subprocess.run(command, check=True, timeout=DRAINED_S)
        seen = operator.look()
    if sum(seen.documents.values()) != expected or seen.repeated or seen.faults:
        raise InvalidRun(f"the bare drain went wrong: {seen.repeated} repeated, {seen.faults} faults")
    return seen


def _product(method: Method, stored: Path, receipts: int, expected: int) -> tuple[Received, int]:
    """What the operator saw, and how many faults there were on either side."""
    folder = _copy(method, stored)
    with operating() as operator:
        with product(folder, method.drives, operator_port=operator.port) as server:
            _wait(server, synced=receipts)
            wrong = differences(server.get("/v1/kkt/buffer/status"), folder)
        time.sleep(REST_S)
        seen = operator.look()
    lost = expected - sum(seen.documents.values())
    return seen, lost + seen.repeated + seen.faults + len(wrong)


def _hanging(method: Method, stored: Path, slow: str, expected: int) -> tuple[Received, int]:
    folder = _copy(method, stored)
    with operating(hang=slow) as operator:
        with product(folder, method.drives, operator_port=operator.port) as server:
            _wait(server, synced=expected - _REPORTS * (method.drives - 1))
        seen = operator.look()
    lost = expected - sum(count for fn, count in seen.documents.items() if fn != slow)
    return seen, lost + seen.repeated + seen.faults


def _wait(server: Server, *, synced: int) -> None:
    until = time.monotonic() + DRAINED_S
    while int(server.get("/v1/kkt/buffer/status")["synced"]) < synced:
        if time.monotonic() > until:
            raise InvalidRun("the drain did not come to its end")
        time.sleep(0.25)


def _copy(method: Method, stored: Path) -> Path:
    folder = method.folder / "drain"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stored, folder, ignore=shutil.ignore_patterns("*.log", "*.lock", "locks"))
    assert len(bare.drives(folder)) == method.drives
    return folder
