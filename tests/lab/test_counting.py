"""The sums of the books agree when nothing was lost or doubled, and only then."""

from dataclasses import replace

import pytest

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.lab.books import Archived, FnBook
from kkt_adapter.lab.counting import Books, count
from kkt_adapter.lab.ledger import FOREIGN, Asked, CommandKind, Ledger, Told

NAMES = [f"Lab {n:06d}" for n in range(4)]
OTHERS = f"{FOREIGN} of r9"


def archive(*names: str | None) -> FnBook:
    documents = tuple(
        Archived(
            fn_number="9999078900000001",
            fd_number=number,
            code=DocumentCode.RECEIPT if name else DocumentCode.OPEN_SHIFT,
            name=name,
            total_kop=100,
            fiscal_sign="1",
            message=b"",
        )
        for number, name in enumerate(names, 1)
    )
    return FnBook(register_id="R0", queued=True, documents=documents)


@pytest.fixture
def ledger() -> Ledger:
    """Four receipts, all told: one a person had printed again, one another's document was adopted for, and
    one is gone with a database."""
    ledger = Ledger()
    for number in range(4):
        asked = Asked(
            number=number,
            key=f"k{number}",
            till="R0-T0",
            kind=CommandKind.SALE,
            total_kop=100,
            body={},
            keyless=number == 3,
            tries=1,
        )
        asked.note(Told(node="a", receipt_id=f"r{number}", status="printed", document_id=None))
        ledger.asked.append(asked)
    ledger.asked[1].allowed = 2
    ledger.asked[2].adopted.add("9999078900000001-7")
    ledger.asked[3].lose(asks_again=False)
    return ledger


def books(ledger: Ledger, *names: str | None) -> Books:
    return count(ledger, [archive(*names)], at_operator=0, repeated=0)


AS_IT_SHOULD_BE = (None, NAMES[0], NAMES[1], NAMES[1], OTHERS, NAMES[3])


def test_what_others_printed_what_people_decided_and_what_is_gone_is_counted_apart(ledger: Ledger):
    found = books(ledger, *AS_IT_SHOULD_BE)

    assert found == Books(documents=6, receipts=5, others=1, by_people=0, gone=1)  # one more, and one fewer
    assert found.of_clients == 3  # accepted, and not forgotten
    assert replace(found, gone=0).of_clients == 4


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_lost_or_a_doubled_receipt_breaks_the_sum(ledger: Ledger, name: str):
    lost = tuple(found for found in AS_IT_SHOULD_BE if found != name)

    assert books(ledger, *AS_IT_SHOULD_BE, name).of_clients == 4
    assert books(ledger, *lost).of_clients == 2
