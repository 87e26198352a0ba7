"""A long run as many rounds, each a lab of its own in a process of its own, several at once.

Rounds keep a run of any length small: what one needs of memory and disk is gone when it ends, its waits
overlap with those of others, and a finding comes with the one round that it takes to see it again: round
``n`` of seed ``s`` is seed ``1000 * s + n``, and may be run alone.
"""

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kkt_adapter import __version__
from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.circumstances import commit_of_checkout
from kkt_adapter.lab.plan import LabPlan
from kkt_adapter.lab.reconcile import BookFinding, FindingKind
from kkt_adapter.lab.servers import end_with_parent

SEEDS_APART = 1_000  # of two runs, so that they have no round in common
ROUND_LIMIT_S = 3_600.0  # of one round, all in all; it ends by itself long before
LAST_WORDS = 2_000  # characters of what a round that failed to make a certificate has said
PASSED, FAILED = 0, 1  # exit codes of a round that has made one


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stands in a round."""

    nodes: int
    database: str
    redis: bool
    small_disk: bool = False
    demo: bool = False
    devices: bool = True  # with the devices that are asked for, or virtual registers alone


ONE_SQLITE = Setup(nodes=1, database="sqlite", redis=False)
ON_SMALL_DISK = Setup(nodes=1, database="sqlite", redis=False, small_disk=True)
TWO_SQLITE = Setup(nodes=2, database="sqlite", redis=False)
VIRTUAL = Setup(nodes=1, database="sqlite", redis=False, devices=False, demo=True)
TWO_POSTGRES = Setup(nodes=2, database="postgresql", redis=True)
MIXED: Sequence[Setup] = (ONE_SQLITE, TWO_POSTGRES, ON_SMALL_DISK, TWO_SQLITE, VIRTUAL)


def rounds_of(plan: LabPlan, *, faults: int, setups: Sequence[Setup]) -> list[LabPlan]:
    """``plan`` cut into rounds of at most ``faults`` faults, whose set-ups take turns."""
    rounds = []
    for n, first in enumerate(range(0, plan.faults, faults)):
        setup = setups[n % len(setups)]
        rounds.append(
            replace(
                plan,
                seed=SEEDS_APART * plan.seed + n,
                faults=min(faults, plan.faults - first),
                receipts=-(-plan.receipts * min(faults, plan.faults - first) // plan.faults),
                nodes=setup.nodes,
                database=setup.database,
                redis=setup.redis,
                small_disk=setup.small_disk,
                demo=setup.demo,
                devices=plan.devices if setup.devices else (),
                folder=None if plan.folder is None else plan.folder / f"seed-{SEEDS_APART * plan.seed + n}",
            )
        )
    return rounds


async def run_rounds(
    rounds: Sequence[LabPlan],
    *,
    at_once: int,
    progress: Callable[[Certificate], None] = lambda certificate: None,
) -> list[Certificate]:
    """Run all; the certificates in the order of the rounds.

    ``progress`` is told of each round that ends. Files of rounds that passed are removed; those of the others
    stay where a plan names a folder. A round that ends without a certificate gets one that says so.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(plan: LabPlan) -> Certificate:
        async with gate:
            certificate = await _run_one(plan)
        if plan.folder is not None:
            await asyncio.to_thread(_keep_or_remove, plan.folder, certificate)
        progress(certificate)
        return certificate

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(plan)) for plan in rounds]
    return [task.result() for task in tasks]


def _keep_or_remove(folder: Path, certificate: Certificate) -> None:
    if certificate.passed:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists():
        (folder / "certificate.json").write_text(certificate.as_json(), encoding="utf-8")


async def _run_one(plan: LabPlan) -> Certificate:
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kkt-round-")))
        written = scratch / "certificate.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kkt_adapter",
            *_arguments(plan, written),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=end_with_parent,
        )
        try:
            async with asyncio.timeout(ROUND_LIMIT_S):
                _, said = await process.communicate()
        except TimeoutError:
            said = f"not done after {ROUND_LIMIT_S:.0f} s".encode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode in (PASSED, FAILED) and written.exists():
            return Certificate.from_json(written.read_text(encoding="utf-8"))
        text = said.decode(errors="replace").strip()[-LAST_WORDS:]
        return _without_certificate(plan, f"ended with {process.returncode}: {text}")


def _without_certificate(plan: LabPlan, why: str) -> Certificate:
    return Certificate(
        version=__version__,
        commit=commit_of_checkout(),
        seed=plan.seed,
        setups={plan.setup: 1},
        scale=plan.scale,
        started_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        duration_s=0.0,
        settled_s=0.0,
        findings=(BookFinding(kind=FindingKind.WRONG, subject="the lab", text=why),),
        faults_wanted=plan.faults,
        receipts_wanted=plan.receipts,
    )


def _arguments(plan: LabPlan, certificate: Path) -> list[str]:
    arguments = {
        "seed": plan.seed,
        "faults": plan.faults,
        "receipts": plan.receipts,
        "round": max(1, plan.faults),
        "nodes": plan.nodes,
        "database": plan.database,
        "devices": ",".join(plan.devices) or "none",
        "scale": plan.scale,
        "json": certificate,
    }
    words = ["lab", "--quiet", *(f"--{name}={value}" for name, value in arguments.items())]
    if plan.redis:
        words.append("--redis")
    if plan.demo:
        words.append("--demo")
    if plan.small_disk:
        words.append("--small-disk")
    words.append("--doors" if plan.doors else "--no-doors")
    if plan.folder is not None:
        words.append(f"--folder={plan.folder}")
    return words


def merged(certificates: Sequence[Certificate], *, seed: int, duration_s: float) -> Certificate:
    """One certificate for all rounds; a finding says which round's it is."""
    first = certificates[0]
    return replace(
        first,
        seed=seed,
        rounds=len(certificates),
        setups=_sum(one.setups for one in certificates),
        duration_s=duration_s,
        settled_s=max(one.settled_s for one in certificates),
        faults_wanted=sum(one.faults_wanted for one in certificates),
        receipts_wanted=sum(one.receipts_wanted for one in certificates),
        out_of_time=sum(one.out_of_time for one in certificates),
        faults=_sum(one.faults for one in certificates),
        without_effect=_sum(one.without_effect for one in certificates),
        points=dict(sorted(_sum(one.points for one in certificates).items())),
        node_starts=sum(one.node_starts for one in certificates),
        traffic=_added([one.traffic for one in certificates]),
        books=_added([one.books for one in certificates]),
        footprint=_greatest([one.footprint for one in certificates]),
        findings=tuple(
            replace(finding, subject=f"seed {one.seed}, {', '.join(one.setups)}: {finding.subject}")
            for one in certificates
            for finding in one.findings
        ),
    )


def _sum(counts: Any) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        for name, n in count.items():
            total[name] += n
    return dict(total)


def _added(values: Sequence[Any]) -> Any:
    return type(values[0])(**{name: sum(getattr(v, name) for v in values) for name in _names(values[0])})


def _greatest(values: Sequence[Any]) -> Any:
    return type(values[0])(**{name: max(getattr(v, name) for v in values) for name in _names(values[0])})


def _names(value: Any) -> Sequence[str]:
    return [field.name for field in fields(value)]
