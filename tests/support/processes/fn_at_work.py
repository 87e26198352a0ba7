"""A process that drives a virtual FN until it is killed, and tells of each step once it is done.

``python -m tests.support.processes.fn_at_work FILE SYNC RUN``: SYNC is ``fsync`` or ``quick``, RUN a word
that makes its receipt keys differ from those of other runs. On standard output, one line a step, in one write
each:

    begun                    before the file is opened
    open LAST CONFIRMED      the FN is open
    made NUMBER SIGN KEY     a document was answered (KEY is - for shift reports)
    confirmed NUMBER
"""

import os
import sys
from dataclasses import replace
from datetime import UTC
from itertools import count
from pathlib import Path

from tests.support.receipts import REGISTER, a_sale
from tests.support.registers.kkt import CASHIER, TERM, an_answer

from kkt_adapter.fiscal.ffd.receipt_key import receipt_key
from kkt_adapter.fiscal.kkt.driver import KktState, ShiftState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import FiscalDocument
from kkt_adapter.kernel.clock import SystemClock

RECEIPTS_A_SHIFT = 9


def tell(*words: object) -> None:
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


def tell_made(document: FiscalDocument) -> None:
    tell("made", document.fd_number, document.fiscal_sign, document.key or "-")


def work(fn: VirtualFn, run: str) -> None:
    sale = a_sale()
    for step in count():
        if fn.status(condition=KktState.READY).shift_state is ShiftState.CLOSED:
            tell_made(fn.open_shift(CASHIER, term=TERM))
        key = receipt_key(f"{run}-{step}")
        tell_made(fn.fiscalize(replace(sale, key=key, additional_attribute=key), term=TERM))
        if step % 2 and (message := fn.read_message()):
            fn.accept_reply(an_answer(message))
            tell("confirmed", message.fd_number)
        if step % RECEIPTS_A_SHIFT == RECEIPTS_A_SHIFT - 1:
            tell_made(fn.close_shift(CASHIER, term=TERM).document)


def main() -> None:
    path, sync, run = sys.argv[1:]
    fn = VirtualFn(
        Path(path),
        registration=made_up_registration(REGISTER),
        clock=SystemClock(),
        zone=UTC,
        fsync=sync == "fsync",
    )
    tell("begun")
    fn.open()
    exchange = fn.exchange_status()
    tell("open", exchange.last_fd_number, exchange.last_fd_number - exchange.unsent_count)
    work(fn, run)


if __name__ == "__main__":
    main()
