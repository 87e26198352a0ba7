"""The whole suite again and again beside a load that takes one processor: does any test depend on luck?

``python scripts/soak.py [--runs 5] [pytest arguments]``. As in ``make test``, the labs run alone, after the
others. Each run has its own order. Prints each test that failed as soon as its run is over, with the file
that keeps what the run said, and all of them at the end with the seeds of their runs; exit code 1 if there
are any.
"""

import argparse
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest")
TOGETHER = ("-n", "2", "--dist", "loadfile")
LABS = "tests/lab"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", flags=re.MULTILINE)


def burn() -> None:
    """Take one processor until the parent ends."""
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        sum(n * n for n in range(100_000))


def parts(arguments: Sequence[str]) -> list[list[str]]:
    """What one run calls pytest with: all tests in two parts, or what was asked for."""
    if arguments:
        return [[*TOGETHER, *arguments]]
    return [[*TOGETHER, f"--ignore={LABS}"], [LABS]]


def main() -> int:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--runs", type=int, default=5)
    given, arguments = reading.parse_known_args()
    kept = Path(tempfile.mkdtemp(prefix="kkt-soak-"))
    load = multiprocessing.Process(target=burn, daemon=True)
    load.start()
    failed: dict[str, list[int]] = {}
    codes: list[int] = []
    try:
        for seed in range(1, given.runs + 1):
            began = time.monotonic()
            for number, part in enumerate(parts(arguments), start=1):
                run = subprocess.run(
                    [*PYTEST, f"--randomly-seed={seed}", *part],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=False,
                )
                codes.append(run.returncode)
                if run.returncode:
                    said = kept / f"run-{seed}-part-{number}.txt"
                    said.write_text(run.stdout)
                    print(f"run {seed}: kept in {said}", flush=True)
                for name in FAILED.findall(run.stdout):
                    failed.setdefault(name, []).append(seed)
                    print(f"run {seed}: failed {name}", flush=True)
                last = run.stdout.strip().rsplit("\n", 1)[-1]
                print(f"run {seed}: {last}, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        load.kill()
    for name, seeds in sorted(failed.items()):
        print(f"failed {len(seeds)} of {given.runs}: {name} (seeds {', '.join(map(str, seeds))})")
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
