from datetime import UTC, datetime

from kkt_adapter.emulators.ofd.book import Kept, OfdBook, OperatorChannel
from kkt_adapter.emulators.ofd.ledger import Arrival

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FN, OTHER_FN = "9999078900000001", "9999078900000002"


def receive(book: OfdBook, number: int, *, fn: str = FN, raw: bytes | None = None) -> Arrival:
    return book.receive(
        OperatorChannel.TCP,
        fn_number=fn,
        fd_number=number,
        code=3,
        raw=raw or b"document %d" % number,
        now=NOW,
    )


def receive_receipt(book: OfdBook, receipt_id: str, number: int, *, content: str = "sale") -> Arrival:
    kept = Kept(
        sequence=0,
        transport=OperatorChannel.HTTP,
        fn_number=FN,
        fd_number=number,
        code=3,
        raw=b"{}",
        received_at=NOW,
        receipt_id=receipt_id,
    )
    return book.receive_receipt(receipt_id, kept, content=content)


def test_documents_are_read_back_newest_first_or_from_a_sequence_number():
    book = OfdBook()
    for number in range(1, 6):
        receive(book, number)
    receive(book, 1, fn=OTHER_FN)
    assert [k.fd_number for k in book.documents(limit=3)] == [1, 5, 4]
    assert [k.fd_number for k in book.documents(limit=2, after=2)] == [3, 4]
    assert [k.fd_number for k in book.documents(fn_number=FN, limit=2)] == [5, 4]
    assert book.documents(limit=10, after=6) == []


def test_only_the_newest_documents_are_kept_but_all_are_known():
    book = OfdBook(keep_documents=2)
    for number in range(1, 6):
        receive(book, number)
    assert [k.fd_number for k in book.documents(limit=10)] == [5, 4]
    assert book.document(FN, 1) is None
    assert receive(book, 1) is Arrival.REPEATED
    assert book.unique == 5


def test_kept_documents_are_bounded_by_size_too():
    book = OfdBook(keep_bytes=100)
    for number in range(1, 6):
        receive(book, number, raw=b"%d" % number * 40)
    assert [k.fd_number for k in book.documents(limit=10)] == [5, 4]


def test_a_full_book_takes_no_new_document_and_still_knows_the_old_ones():
    book = OfdBook(max_documents=2)
    assert [receive(book, n) for n in (1, 2, 3, 2)] == [
        Arrival.NEW,
        Arrival.NEW,
        Arrival.FULL,
        Arrival.REPEATED,
    ]


def test_the_number_of_drives_is_bounded():
    book = OfdBook(max_drives=1)
    receive(book, 1)
    assert receive(book, 1, fn=OTHER_FN) is Arrival.FULL
    assert receive(book, 2) is Arrival.NEW
    assert list(book.drives) == [FN]


def test_a_repetition_is_noted_on_the_kept_document():
    book = OfdBook()
    for _ in range(3):
        receive(book, 1)
    kept = book.document(FN, 1)
    assert kept is not None
    assert kept.repeated == 2


def test_two_receipts_with_one_number_are_a_conflict():
    book = OfdBook()
    assert receive_receipt(book, "first", 1) is Arrival.NEW
    assert receive_receipt(book, "first", 1) is Arrival.REPEATED
    assert receive_receipt(book, "second", 1, content="another") is Arrival.CONFLICT
    assert book.state()["conflicts"] == 1


def test_a_document_that_comes_for_another_receipt_is_the_same_document():
    book = OfdBook()
    receive_receipt(book, "before the restore", 1)
    assert receive_receipt(book, "after it", 1) is Arrival.REPEATED
    assert receive_receipt(book, "after it", 2) is Arrival.CONFLICT
    assert book.first_receipt(FN, 1) == "before the restore"
    assert book.unique == 1


def test_one_receipt_with_two_numbers_is_a_conflict():
    book = OfdBook()
    receive_receipt(book, "first", 1)
    assert receive_receipt(book, "first", 2) is Arrival.CONFLICT
    assert book.unique == 1


def test_one_document_over_both_transports_is_a_conflict():
    book = OfdBook()
    receive(book, 1)
    assert receive_receipt(book, "first", 1) is Arrival.CONFLICT


def test_reset_forgets_everything():
    book = OfdBook()
    receive(book, 1)
    receive_receipt(book, "first", 2)
    book.refusals["bad_crc"] += 1
    empty = OfdBook().state()
    book.reset()
    assert book.state() == empty
    assert receive(book, 1) is Arrival.NEW
