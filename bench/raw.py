"""Baseline **raw**: the product's own ingest SQL, both steps, N receipts in a transaction, nothing else.

``python -m bench.raw FOLDER --rows N --seconds S`` prints receipts per second as JSON. Values are made
beforehand and outside of the measured time.
"""

import argparse
import gc
import itertools
import json
import time
from pathlib import Path

from bench import steps
from bench.load import body
from bench.steps import Till
from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.model import ReceiptRequest
from kkt_adapter.fiscal.printing.records import PrintedItem
from kkt_adapter.kernel.hlc import HybridTimestamp

GROUPS = 32  # made ahead of each measured stretch


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rows", type=int, required=True)
    arguments.add_argument("--seconds", type=float, required=True)
    arguments.add_argument("--warm-up", type=float, default=0.5)
    given = arguments.parse_args()
    print(json.dumps({"per_s": rate(given.folder, given.rows, given.warm_up, given.seconds)}))


def rate(folder: Path, rows: int, warm_up_s: float, seconds: float) -> float:
    """Receipts per second."""
    tills = [steps.till(number) for number in range(rows)]
    conn = steps.new_database(folder / "raw.db", tills)
    requests = [parse_receipt(body(number)).request for number in range(rows)]
    gc.set_threshold(50_000, 20, 50)
    numbers = itertools.count(1)
    spent = {False: 0.0, True: 0.0}  # by: was it measured
    stored = 0
    while spent[True] < seconds:
        measured = spent[False] >= warm_up_s
        groups = [_group(requests, tills, next(numbers)) for _ in range(GROUPS)]
        started = time.perf_counter()
        for accepting, writing in groups:
            steps.accept(conn, accepting)
            steps.write_down(conn, writing)
        spent[measured] += time.perf_counter() - started
        stored += len(groups) * rows if measured else 0
    return stored / spent[True]


def _group(
    requests: list[ReceiptRequest], tills: list[Till], number: int
) -> tuple[list[AcceptItem], list[PrintedItem]]:
    """Both steps of one receipt at every till; sequence and attempt numbers are those the file will give."""
    accepting, writing = [], []
    for index, (request, till) in enumerate(zip(requests, tills, strict=True)):
        key = f"raw-{number:08d}-{index:03d}"
        found = steps.checked(request, key, till)
        seq = (number - 1) * len(tills) + index + 1
        accepted = Accepted(seq=seq, stamp=HybridTimestamp(seq, 0), queue_position=seq, attempt_id=seq)
        document = steps.document(found, till, fd_number=number + 2)
        accepting.append(steps.accept_item(request, found, key, till, fd_number=number + 1))
        writing.append(steps.written_item(found, accepted, document, till))
    return accepting, writing


if __name__ == "__main__":
    main()
