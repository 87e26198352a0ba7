"""The virtual FN under kill -9: what was answered is there, nothing is there twice, no number is missing."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest
from tests.support.processes.forked import ROOT, Forked, start_module
from tests.support.receipts import REGISTER

from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktUnavailable

pytestmark = pytest.mark.crash

ROUNDS = 6
PATIENCE_S = 60.0


@dataclass
class Told:
    """What the killed process had told before it ended."""

    begun: bool = False
    made: dict[int, tuple[int, str]] = field(default_factory=dict)  # number -> sign, key
    confirmed: int = 0

    def hear(self, lines: list[str]) -> None:
        for line in lines:
            match line.split():
                case ["begun"]:
                    self.begun = True
                case ["open", _, confirmed]:
                    self.confirmed = max(self.confirmed, int(confirmed))
                case ["made", number, sign, key]:
                    assert int(number) not in self.made, "a number was given twice"
                    self.made[int(number)] = (int(sign), key)
                case ["confirmed", number]:
                    self.confirmed = int(number)


@dataclass
class AtWork:
    """A process that works until it is killed; ``log`` is what it tells."""

    process: Forked
    log: Path

    @classmethod
    def start(cls, path: Path, sync: str, run: int) -> "AtWork":
        log = path.with_suffix(f".{run}.log")
        process = start_module(
            "tests.support.processes.fn_at_work",
            str(path),
            sync,
            f"run{run}",
            cwd=ROOT,
            environment=os.environ,
            log=log,
        )
        return cls(process=process, log=log)

    def told(self) -> list[str]:
        """The lines so far; a last one that was cut is left off."""
        return self.log.read_text().rpartition("\n")[0].splitlines()

    def has_told(self, lines: int) -> list[str]:
        """Wait for so many lines."""
        until = time.monotonic() + PATIENCE_S
        while len(self.told()) < lines:
            assert self.process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < until, f"it told no {lines} lines: {self.told()}"
            time.sleep(0.001)
        return self.told()

    def kill(self) -> list[str]:
        """All that it told."""
        self.process.kill()
        assert self.process.wait(PATIENCE_S) == -signal.SIGKILL, "it ended before it was killed"
        return self.told()


def a_look(path: Path) -> VirtualFn:
    fn = VirtualFn(
        path, registration=made_up_registration(REGISTER), clock=SystemClock(), zone=UTC, fsync=False
    )
    fn.open()
    return fn


def check(path: Path, told: Told) -> None:
    """What the file holds against what was told."""
    fn = a_look(path)
    try:
        status = fn.status(condition=KktState.READY)
        documents = [fn.document(number) for number in range(1, status.fd_number + 1)]
        found = {d.fd_number: d for d in documents if d is not None}

        assert sorted(found) == list(range(1, status.fd_number + 1)), "numbers have no gap"
        for number, (sign, key) in told.made.items():
            assert found[number].fiscal_sign == sign
            assert (found[number].key or "-") == key
        assert 0 <= status.fd_number - max(told.made, default=1) <= 1, "at most one was made untold"
        keys = Counter(d.key for d in found.values() if d.code is DocumentCode.RECEIPT)
        assert max(keys.values(), default=1) == 1, "no receipt was made twice"

        confirmed = status.fd_number - status.unsent_count
        assert 0 <= confirmed - told.confirmed <= 1, "what was confirmed stays confirmed"
        assert [d.confirmed for d in found.values()] == [n <= confirmed for n in found]
        message = fn.read_message()
        assert (None if message is None else message.fd_number) == status.first_unsent_number
        assert_counts_agree(fn, status.fd_number)
    finally:
        fn.close()


def assert_counts_agree(fn: VirtualFn, last: int) -> None:
    """Shift and receipt numbers follow from the documents, and the X report from the receipts."""
    shift = receipts = 0
    for number in range(2, last + 1):
        document = fn.document(number)
        assert document is not None
        match document.code:
            case DocumentCode.OPEN_SHIFT:
                shift, receipts = shift + 1, 0
            case DocumentCode.RECEIPT:
                receipts += 1
                assert document.receipt_number == receipts
        assert document.shift_number == shift
    totals = fn.x_report()
    assert (totals.shift_number, totals.receipt_count) == (shift, receipts)
    assert totals.cash_kop == receipts * 10_000


@pytest.mark.parametrize("sync", ["fsync", "quick"])
def test_killed_at_work_it_keeps_what_it_answered(tmp_path: Path, sync: str) -> None:
    path, told = tmp_path / "POS-001.sqlite", Told()
    chance = random.Random(f"crash {sync}")

    for run in range(ROUNDS):
        at_work = AtWork.start(path, sync, run)
        at_work.has_told(chance.randint(2, 60))
        time.sleep(chance.random() * 0.02)
        told.hear(at_work.kill())
        check(path, told)

    assert len(told.made) > ROUNDS


def test_killed_while_it_begins_it_is_one_fn_or_none(tmp_path: Path) -> None:
    chance = random.Random("crash at the beginning")

    for run in range(ROUNDS):
        path = tmp_path / f"POS-{run}.sqlite"
        at_work = AtWork.start(path, "fsync", run)
        assert at_work.has_told(1)[0] == "begun"
        time.sleep(chance.random() * 0.012)
        told = Told()
        told.hear(at_work.kill())
        check(path, told)


def test_while_a_process_lives_its_fn_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "POS-001.sqlite"
    at_work = AtWork.start(path, "quick", 0)
    assert at_work.has_told(2)[1].startswith("open")

    try:
        with pytest.raises(KktUnavailable) as refused:
            a_look(path)
        assert refused.value.facts["holder_pid"] == at_work.process.pid
    finally:
        at_work.kill()

    a_look(path).close()
