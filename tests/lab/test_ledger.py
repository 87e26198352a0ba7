"""What a client may conclude from the answers it got, and from those it did not get."""

import pytest

from kkt_adapter.lab.ledger import CERTAIN, Asked, CommandKind, LedgerOutcome, Told


@pytest.fixture
def asked() -> Asked:
    return Asked(
        number=7,
        key="k",
        till="R0-T0",
        kind=CommandKind.REFUND,
        total_kop=100,
        body={},
        keyless=False,
        tries=1,
    )


def told(receipt_id: str = "r1", document_id: str | None = None) -> Told:
    return Told(node="a", receipt_id=receipt_id, status="printed", document_id=document_id)


def test_a_refusal_ends_it_when_no_other_try_is_in_doubt(asked: Asked):
    assert asked.refuse("REFUND_BLOCKED")
    assert (asked.outcome, asked.refusal) == (LedgerOutcome.REFUSED, "REFUND_BLOCKED")


def test_a_refusal_proves_nothing_while_an_earlier_try_may_still_arrive(asked: Asked):
    asked.in_doubt = 1

    assert not asked.refuse("REFUND_BLOCKED")
    assert asked.outcome is LedgerOutcome.OPEN


def test_what_was_told_before_a_restore_may_exist_though_the_older_copy_refuses_it(asked: Asked):
    asked.note(told())
    asked.lose(asks_again=True)

    assert asked.refuse("REFUND_BLOCKED")
    assert asked.outcome is LedgerOutcome.GONE


def test_a_refusal_for_good_counts_when_it_was_said_often_enough_since(asked: Asked):
    asked.in_doubt = 1
    for _ in range(CERTAIN - 1):
        assert not asked.refuse("REFUND_BLOCKED", for_good=True)

    assert asked.refuse("REFUND_BLOCKED", for_good=True)
    assert asked.outcome is LedgerOutcome.REFUSED


def test_a_refusal_does_not_take_back_what_a_twin_was_told(asked: Asked):
    asked.note(told())

    assert asked.refuse("REFUND_BLOCKED")
    assert asked.outcome is LedgerOutcome.TOLD


def test_two_receipts_under_one_key_are_a_broken_promise(asked: Asked):
    asked.note(told("r1"))
    asked.note(told("r2"))

    assert asked.complaints == ["one key, two receipts: r1 and r2"]


def test_another_document_for_the_same_receipt_is_a_broken_promise(asked: Asked):
    asked.note(told(document_id="fn-1"))
    asked.note(told(document_id="fn-2"))

    assert asked.complaints == ["told of fn-2 after ['fn-1']"]


def test_a_persons_decision_may_name_another_document_and_then_only_that(asked: Asked):
    """After a restore the database may not know what the client was told."""
    asked.note(told(document_id="fn-1"))
    asked.decide()
    asked.note(told(document_id="fn-2"))
    assert asked.complaints == []

    asked.note(told(document_id="fn-1"))
    assert asked.complaints == ["told of fn-1 after ['fn-2']"]
