"""How a run measures: rounds, durations, sizes. All times are seconds."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

QUICK_MARGIN = 0.15  # by which a quick run may miss a must
QUICK_FEW = 2  # rounds of such a program in a quick run
SLOW_DISK_S = 0.005  # what the shim adds to every fsync and fdatasync


class Disk(StrEnum):
    FAST = "fast disk"
    SLOW = "slow disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """``quick`` runs measure what decides the musts, and judge with a margin."""

    quick: bool
    folder: Path  # for databases; a real disk, not memory
    rounds: int
    few_rounds: int  # of programs whose rounds are long, or whose ratios hardly differ between rounds
    warm_up_s: float
    measured_s: float
    stored: int  # receipts in the filled database
    drained: int  # receipts over all FNs of a drain
    drives: int  # FNs of a drain
    counted: int  # receipts over which fsyncs are counted
    grown: int  # receipts after which memory is read, and once more after twice as many
    big: int | None = None  # receipts of ``big``; None: as many as the disk takes
    disks: tuple[Disk, ...] = (Disk.FAST, Disk.SLOW)


def full(folder: Path, *, rounds: int) -> Method:
    return Method(
        quick=False,
        folder=folder,
        rounds=rounds,
        few_rounds=rounds,
        warm_up_s=1.0,
        measured_s=3.0,
        stored=1_000_000,
        drained=10_000,
        drives=40,
        counted=10_000,
        grown=100_000,
    )


def quick(folder: Path, *, rounds: int) -> Method:
    return Method(
        quick=True,
        folder=folder,
        rounds=rounds,
        few_rounds=min(rounds, QUICK_FEW),
        warm_up_s=0.5,
        measured_s=1.5,
        stored=100_000,
        drained=2_000,
        drives=40,
        counted=2_000,
        grown=5_000,
    )
