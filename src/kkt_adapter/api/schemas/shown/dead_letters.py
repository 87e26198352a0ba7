"""Answers about dead letters."""

from kkt_adapter.api.schemas.answers import buffer as known
from kkt_adapter.api.schemas.answers.receipts import ReceiptRemark
from kkt_adapter.api.schemas.shown.receipts import fiscal_doc_answer
from kkt_adapter.fiscal.delivery.letter_models import (
    DeadLetter,
    LetterDetail,
    LetterPage,
    LetterResolved,
    LetterRetried,
    ManyLetters,
    SendAttempt,
)
from kkt_adapter.kernel.timefmt import iso, iso_of


def letter_answer(letter: DeadLetter) -> known.DeadLetter:
    return {
        "id": letter.id,
        "original_receipt_id": letter.receipt_id,
        "failed_at": iso_of(letter.failed_at),
        "reason": letter.reason,
        "fiscal_doc": None if letter.fiscal_doc is None else fiscal_doc_answer(letter.fiscal_doc),
        "retry_attempts": letter.retry_attempts,
        "last_error": letter.last_error,
        "resolved_at": iso(letter.resolved_at),
        "resolved_by": letter.resolved_by,
        "resolution": None if letter.resolution is None else letter.resolution.value,
        "note": letter.note,
        "outcome": None if letter.outcome is None else letter.outcome.value,
    }


def page_answer(page: LetterPage) -> known.DeadLetterPage:
    return {"items": [letter_answer(one) for one in page.items], "next_cursor": page.next_cursor}


def detail_answer(found: LetterDetail) -> known.DeadLetterDetail:
    return {**letter_answer(found.letter), "attempts": [_attempt(one) for one in found.attempts]}


def retried_answer(done: LetterRetried) -> known.DeadLetterRetried:
    return {**letter_answer(done.letter), "status": "pending" if done.is_pending else "unchanged"}


def resolved_answer(done: LetterResolved) -> known.DeadLetterResolved:
    return {**letter_answer(done.letter), "warnings": _warnings(done.outcome_assumed)}


def many_retried_answer(done: ManyLetters) -> known.ManyDeadLetters:
    return {"matched": done.matched, "done": done.done, "skipped": done.skipped}


def many_resolved_answer(done: ManyLetters) -> known.ManyDeadLettersResolved:
    return {**many_retried_answer(done), "warnings": _warnings(done.outcome_assumed)}


def _attempt(sent: SendAttempt) -> known.SendAttempt:
    return {
        "started_at": iso_of(sent.started_at),
        "ended_at": iso(sent.ended_at),
        "outcome": None if sent.outcome is None else sent.outcome.value,
        "error": sent.error,
    }


def _warnings(outcome_assumed: bool) -> list[ReceiptRemark]:
    """The warning of a request that does not say what became of the receipt."""
    if not outcome_assumed:
        return []
    return [
        {
            "code": "OUTCOME_ASSUMED",
            "field": "outcome",
            "tag": None,
            "message": "Исход не указан, принято written_off: возврат этого чека потребует причины "
            "(refund_force_reason). Если чек передан другим путём, указывайте delivered_otherwise.",
        }
    ]
