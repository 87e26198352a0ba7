"""What the comparison of the books holds against the product, and what people did."""

import json
from datetime import UTC, datetime

import pytest

from kkt_adapter.emulators.ofd.book import Kept, OfdBook, OperatorChannel
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.lab.books import AdapterBook, Archived, BookRow, FnBook, OperatorBook
from kkt_adapter.lab.ledger import Asked, CommandKind, Ledger, Told
from kkt_adapter.lab.reconcile import FindingKind, reconcile

FN = "9999000000000001"


def archived(fd_number: int) -> Archived:
    return Archived(
        fn_number=FN,
        fd_number=fd_number,
        code=DocumentCode.RECEIPT,
        name="Lab 000001",
        total_kop=100,
        fiscal_sign=str(fd_number),
        message=b"",
    )


def sent(fd_number: int) -> Kept:
    body = {
        "items": [{"name": "Lab 000001"}],
        "payments": [{"amount": 1}],
        "fiscal_doc": {"fiscal_sign": str(fd_number)},
    }
    return Kept(
        sequence=0,
        transport=OperatorChannel.HTTP,
        fn_number=FN,
        fd_number=fd_number,
        code=3,
        raw=json.dumps(body).encode(),
        received_at=datetime(2026, 11, 30, tzinfo=UTC),
        receipt_id="r1",
    )


@pytest.mark.parametrize("status", ["pending", "failed", "synced"])
@pytest.mark.parametrize("by_people", [True, False])
def test_only_what_a_person_had_printed_again_may_come_to_the_operator_under_two_documents(
    by_people: bool, status: str
) -> None:
    """The second one is refused over HTTP, where a receipt is known by its id, and never synced."""
    ledger = Ledger()
    asked = Asked(
        number=1,
        key="k",
        till="R0-T0",
        kind=CommandKind.SALE,
        total_kop=100,
        body={},
        keyless=True,
        tries=1,
        allowed=2 if by_people else 1,
    )
    asked.note(Told(node="a", receipt_id="r1", status="printed", document_id=f"{FN}-2"))
    ledger.asked.append(asked)
    book = OfdBook()
    for fd_number in (1, 2):
        book.receive_receipt("r1", sent(fd_number), content=str(fd_number))
    row = BookRow(
        id="r1", key="k", print_state="printed", status=status, document_id=f"{FN}-2", error="http_422"
    )
    adapter = AdapterBook(
        rows=(row,),
        documents=frozenset({f"{FN}-1", f"{FN}-2"}),
        keys=1,
        open_attempts=0,
        open_letters=("r1",) if status == "failed" else (),
        wrong_totals={},
    )
    archive = FnBook(register_id="R0", queued=False, documents=(archived(1), archived(2)))

    found = {one.kind for one in reconcile(ledger, [archive], OperatorBook(book), adapter)}

    if by_people:
        assert found == ({FindingKind.LOST} if status == "synced" else set())
    else:
        assert FindingKind.DOUBLED in found
