"""Processor time of a receipt in two trees of the code, on a machine that others use too.

    python -m bench.compare /path/to/other/tree --rounds 5

The trees take turns, each with a fresh process and a fresh database. Within a turn the load comes in parts,
and the quickest quarter of them counts: what other programs do to caches and clock rates only ever adds.
Compare the ratio, not the milliseconds; differences below some per cent need many rounds.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from bench.load import Wanted, run
from bench.processes import product

HERE = Path(__file__).resolve().parents[1]
PARTS = 8  # of one turn
RECEIPTS = 200  # in one part


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("other", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--connections", type=int, default=32)
    given = arguments.parse_args()
    ratios = []
    for number in range(given.rounds):
        trees = (given.other, HERE) if number % 2 else (HERE, given.other)
        took = {tree: turn(tree, given.connections) for tree in trees}
        ratios.append(took[HERE] / took[given.other])
        print(f"here {took[HERE]:.3f} ms, other {took[given.other]:.3f} ms", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def turn(tree: Path, connections: int) -> float:
    """Milliseconds of processor a receipt, all threads, in the quickest quarter of the parts."""
    with (
        tempfile.TemporaryDirectory(prefix="kkt-compare-") as folder,
        product(Path(folder), connections, environment={"PYTHONPATH": str(tree / "src")}) as server,
    ):
        pid = server.process.pid
        part = Wanted(connections=connections, receipts=RECEIPTS)
        parts = [run(server.port, part, processor_s=lambda: used_s(pid)).processor_ms for _ in range(PARTS)]
    return statistics.mean(sorted(parts)[: PARTS // 4])


def used_s(pid: int) -> float:
    """Processor time of all threads that live, in nanosecond steps; ``stat`` has steps of 10 ms."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    main()
