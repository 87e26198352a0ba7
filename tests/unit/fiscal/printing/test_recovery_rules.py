"""What became of a lost answer, judged by what the FN holds: a table, and what must hold for any evidence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.documents import FN
from tests.support.documents import a_document as document
from tests.support.receipts import a_sale

from kkt_adapter.fiscal.model import (
    Baseline,
    DocumentCode,
    FiscalDocument,
    Operation,
    Receipt,
    ReceiptKind,
    Unread,
)
from kkt_adapter.fiscal.printing.recovery.rules import (
    Absent,
    Adopt,
    Doubt,
    judge_receipt,
    judge_report,
    judge_suspected,
    mismatch,
)
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks

OTHER_FN = FnNumber("9999078900000002")
KEY = "ABCDEFGHIJKLMNOP"
RECEIPT = a_sale(key=KEY)
NAMELESS = a_sale(key=None)
BEFORE = Baseline(fn_number=FN, fd_number=10)


def at(number: int, fn_number: FnNumber = FN) -> Baseline:
    return Baseline(fn_number=fn_number, fd_number=number)


def test_a_document_with_our_key_is_ours() -> None:
    found = [document(11, key="SOMEBODY-ELSE..."), document(12, key=KEY)]
    assert judge_receipt(RECEIPT, BEFORE, at(12), found) == Adopt(document=found[1])


def test_our_key_counts_whatever_else_the_document_says() -> None:
    """A document belongs to the receipt whose key it carries, whoever sent it."""
    found = [document(11, key=KEY, total_kop=Kopecks(1), operation=Operation.REFUND)]
    assert judge_receipt(RECEIPT, BEFORE, at(11), found) == Adopt(document=found[0])


def test_an_fn_that_stands_where_it_stood_proves_absence() -> None:
    assert judge_receipt(RECEIPT, BEFORE, BEFORE, []) == Absent()
    assert judge_receipt(NAMELESS, BEFORE, BEFORE, []) == Absent()


@pytest.mark.parametrize(
    "found",
    [
        [document(11)],  # of the same sum, but without our name: another program's sale
        [document(11, key="SOMEBODY-ELSE...")],
        [document(11, code=DocumentCode.CLOSE_SHIFT, total_kop=None, operation=None)],
        [document(11), document(12)],
        [],  # the archive could not be read to the end
    ],
    ids=["alike", "of another receipt", "a report", "two alike", "nothing readable"],
)
def test_other_documents_after_the_baseline_are_doubt(found: list[FiscalDocument]) -> None:
    judgement = judge_receipt(RECEIPT, BEFORE, at(10 + max(1, len(found))), found)
    assert isinstance(judgement, Doubt)
    assert judgement.reason.en
    assert judgement.reason.ru


def test_a_receipt_without_a_key_is_found_by_kind_operation_and_sum() -> None:
    assert judge_receipt(NAMELESS, BEFORE, at(11), [document(11)]) == Adopt(document=document(11))


def test_another_receipts_document_is_not_taken_for_one_without_a_key() -> None:
    assert isinstance(judge_receipt(NAMELESS, BEFORE, at(11), [document(11)], owned={11}), Doubt)


@pytest.mark.parametrize(
    "found",
    [
        [document(11), document(12)],  # two alike: which?
        [document(11, key="SOMEBODY-ELSE..."), document(12)],  # one command makes one document
        [document(11), document(12, code=DocumentCode.CLOSE_SHIFT, total_kop=None, operation=None)],
        [document(11, total_kop=Kopecks(1))],
        [document(11, operation=Operation.REFUND)],
        [document(11, code=DocumentCode.CORRECTION)],
        [document(11, key=KEY)],
    ],
    ids=[
        "two alike",
        "one alike and one of another",
        "one alike and a report",
        "another sum",
        "another operation",
        "a correction",
        "one with a name",
    ],
)
def test_a_receipt_without_a_key_is_in_doubt_otherwise(found: list[FiscalDocument]) -> None:
    assert isinstance(judge_receipt(NAMELESS, BEFORE, at(10 + len(found)), found), Doubt)


def test_a_correction_without_a_key_is_found_among_corrections() -> None:
    correction = replace(NAMELESS, kind=ReceiptKind.CORRECTION)
    found = document(11, code=DocumentCode.CORRECTION)
    assert judge_receipt(correction, BEFORE, at(11), [found]) == Adopt(document=found)


def test_a_receipt_that_was_never_sent_is_never_given_a_document_that_only_looks_alike() -> None:
    assert isinstance(judge_suspected(RECEIPT, BEFORE, at(11), [document(11)]), Doubt)
    assert isinstance(judge_suspected(NAMELESS, BEFORE, at(11), [document(11)]), Doubt)
    assert judge_suspected(RECEIPT, BEFORE, at(11), []) == Absent()
    assert isinstance(judge_suspected(RECEIPT, BEFORE, at(10, OTHER_FN), []), Doubt)


def test_a_suspected_receipt_gets_the_document_whose_key_can_be_read_by_now() -> None:
    found = [document(11), document(12, key=KEY)]
    assert judge_suspected(RECEIPT, BEFORE, at(12), found) == Adopt(document=found[1])


@pytest.mark.parametrize("receipt", [RECEIPT, NAMELESS], ids=["with a key", "without"])
@pytest.mark.parametrize("unread", list(Unread))
def test_a_document_whose_key_could_not_be_read_is_a_question_that_says_so(
    receipt: Receipt, unread: Unread
) -> None:
    found = [document(11, unread=unread)]
    for judgement in (
        judge_receipt(receipt, BEFORE, at(11), found),
        judge_suspected(receipt, BEFORE, at(11), found),
    ):
        assert isinstance(judgement, Doubt)
        assert "number 11 could not be read" in judgement.reason.en
        assert "ключ в ФД № 11 прочитать не удалось" in judgement.reason.ru


@pytest.mark.parametrize(
    ("found_kop", "unread", "fits"),
    [
        (10_000, None, True),
        (10_000, Unread.TAGS, True),
        (9_900, Unread.KOPECKS, False),
        (10_000, Unread.KOPECKS, True),
    ],
)
def test_a_person_may_adopt_a_document_of_the_sum_as_far_as_it_is_known(
    found_kop: int, unread: Unread | None, fits: bool
) -> None:
    found = document(11, total_kop=Kopecks(found_kop), unread=unread)
    assert (mismatch(RECEIPT, BEFORE, found, 11) is None) is fits
    with_kopecks = replace(RECEIPT, total_kop=Kopecks(10_050))
    assert (mismatch(with_kopecks, BEFORE, found, 11) is None) is (fits and unread is Unread.KOPECKS)


def test_another_fn_is_doubt_for_a_receipt_and_absence_for_a_report() -> None:
    """The new FN needs a shift of its own; whether the old one signed the receipt only a person can see."""
    assert isinstance(judge_receipt(RECEIPT, BEFORE, at(10, OTHER_FN), []), Doubt)
    assert judge_report(DocumentCode.CLOSE_SHIFT, BEFORE, at(10, OTHER_FN), []) == Absent()


def test_the_first_report_of_its_code_is_ours() -> None:
    opening = document(12, code=DocumentCode.OPEN_SHIFT)
    found = [document(11), opening, document(13, code=DocumentCode.OPEN_SHIFT)]
    assert judge_report(DocumentCode.OPEN_SHIFT, BEFORE, at(13), found) == Adopt(document=opening)


def test_a_report_is_absent_when_all_documents_were_read_and_none_is_it() -> None:
    assert judge_report(DocumentCode.CLOSE_SHIFT, BEFORE, BEFORE, []) == Absent()
    assert judge_report(DocumentCode.CLOSE_SHIFT, BEFORE, at(11), [document(11)]) == Absent()
    assert isinstance(judge_report(DocumentCode.CLOSE_SHIFT, BEFORE, at(12), [document(11)]), Doubt)


documents = st.lists(
    st.builds(
        document,
        number=st.just(0),
        key=st.sampled_from([None, KEY, "SOMEBODY-ELSE..."]),
        total_kop=st.sampled_from([RECEIPT.total_kop, Kopecks(1)]),
        code=st.sampled_from([DocumentCode.RECEIPT, DocumentCode.CORRECTION, DocumentCode.CLOSE_SHIFT]),
    ),
    max_size=5,
)


@given(found=documents, unread=st.integers(0, 2))
def test_nothing_is_printed_again_while_any_document_came_after_the_baseline(
    found: list[FiscalDocument], unread: int
) -> None:
    numbered = [replace(one, fd_number=11 + i) for i, one in enumerate(found)]
    judgement = judge_receipt(RECEIPT, BEFORE, at(10 + len(numbered) + unread), numbered)
    if isinstance(judgement, Absent):
        assert not numbered
        assert not unread
    if isinstance(judgement, Adopt):
        assert judgement.document.key == KEY


@pytest.mark.parametrize(
    ("candidate", "fits"),
    [
        (document(11), True),
        (document(11, key=KEY), True),
        (None, False),
        (document(10), False),  # older than the attempt
        (document(11, key="SOMEBODY-ELSE..."), False),
        (document(11, total_kop=Kopecks(1)), False),
        (document(11, operation=Operation.REFUND), False),
        (document(11, code=DocumentCode.CORRECTION), False),
        (document(11, code=DocumentCode.OPEN_SHIFT, total_kop=None, operation=None), False),
        (document(3, fn_number=OTHER_FN), True),  # the FN was replaced: its numbers begin anew
    ],
)
def test_a_person_may_adopt_only_what_can_be_this_receipt(
    candidate: FiscalDocument | None, fits: bool
) -> None:
    number = 11 if candidate is None else candidate.fd_number
    assert (mismatch(RECEIPT, BEFORE, candidate, number) is None) is fits
