"""What waits for a person: documents whose outcome nobody knows, and receipts that no operator would take."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.services import ResolveAction, ResolveReportAction
from kkt_adapter.api.ui.forms import MOST_REASON, reason_of
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.delivery.dead_letters import LetterFilter
from kkt_adapter.fiscal.lifecycle import DeviceCash, LetterOutcome
from kkt_adapter.fiscal.printing.recovery.open_question import OpenQuestion
from kkt_adapter.fiscal.queries.receipt_models import ReceiptSummary
from kkt_adapter.kernel.errors import InvalidInput

SHOWN = 50  # letters on the page; actions in bulk take all that fit


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQuestion:
    """A question beside our own record of it. ``record`` is None for a shift opening or a Z report."""

    register_id: str
    pos_id: str
    question: OpenQuestion
    record: ReceiptSummary | None


async def questions(visit: Visit) -> Response:
    wanted = _filter(visit.query)
    return visit.page(
        "questions.html",
        asked=await _asked(visit),
        cash=[
            one
            for one in await visit.services.shift_book.cash_at_registers(pos_id=None)
            if one.state is DeviceCash.UNCLEAR
        ],
        letters=await visit.services.dead_letters.preview(wanted, limit=SHOWN),
        filter={name: visit.query.get(name, "") for name in ("register", "till", "error")},
        outcomes=list(LetterOutcome),
        may_decide=visit.may(NEEDS[Action.RECEIPT_RESOLVE].role),
        may_decide_cash=visit.may(NEEDS[Action.SHIFT_RESOLVE].role),
        may_retry=visit.may(NEEDS[Action.DEAD_LETTER_RETRY].role),
        may_resolve=visit.may(NEEDS[Action.DEAD_LETTER_RESOLVE].role),
        shown=SHOWN,
    )


async def _asked(visit: Visit) -> Sequence[ShownQuestion]:
    tills = {card.register_id: card.tills for card in await visit.services.watch.cards.read()}
    found = []
    for register in await visit.services.registers.status(None):
        question = register.question
        if question is None:
            continue
        record = None
        if question.receipt_id is not None:
            record = (await visit.services.receipts.by_id(question.receipt_id)).summary
        pos_id = record.pos_id if record is not None else next(iter(tills.get(register.register_id, ())), "")
        found.append(
            ShownQuestion(register_id=register.register_id, pos_id=pos_id, question=question, record=record)
        )
    return found


async def decide(visit: Visit) -> Response:
    """About a receipt: adopt a document of the register, or print again."""
    again: ResolveAction = "print_again"
    adopt: ResolveAction = "adopt"
    number = _document(visit)
    await visit.services.registers.resolve(
        visit.request.path_params["receipt_id"],
        action=again if number is None else adopt,
        fiscal_doc_number=number,
        reason=reason_of(visit),
        by=visit.name,
        question_version=visit.form.get("version") or None,
    )
    return visit.done("/questions", "said.question.decided")


async def decide_report(visit: Visit) -> Response:
    """About a shift opening or a Z report."""
    again: ResolveReportAction = "do_again"
    adopt: ResolveReportAction = "adopt"
    number = _document(visit)
    await visit.services.registers.resolve_report(
        visit.form.get("pos_id") or None,
        action=again if number is None else adopt,
        fiscal_doc_number=number,
        reason=reason_of(visit),
        by=visit.name,
        question_version=visit.form.get("version") or None,
    )
    return visit.done("/questions", "said.question.decided")


async def decide_cash(visit: Visit) -> Response:
    """About cash put in or taken out: the register has done it, or it is sent once more."""
    decision = visit.form.get("decision", "")
    if decision not in ("done", "send_again"):
        raise InvalidInput(
            "Choose what to do: the register has done it, or send it once more.",
            "Выберите решение: касса это провела или отправить ещё раз.",
        )
    await visit.services.sessions.decide_cash(
        int(visit.request.path_params["movement"]),
        done=decision == "done",
        by=visit.name,
        reason=reason_of(visit),
    )
    return visit.done("/questions", "said.question.decided")


async def retry(visit: Visit) -> Response:
    await visit.services.dead_letters.retry(_letter(visit), by=visit.name)
    return visit.done("/questions", "said.letter.retried")


async def resolve(visit: Visit) -> Response:
    await visit.services.dead_letters.resolve(
        _letter(visit), note=reason_of(visit), by=visit.name, outcome=_outcome(visit)
    )
    return visit.done("/questions", "said.letter.resolved")


async def retry_many(visit: Visit) -> Response:
    """All that fit the filter, if they are still as many as the page said."""
    await visit.services.dead_letters.retry_many(
        _filter(visit.form),
        expected_count=_count(visit),
        by=visit.name,
        note=visit.form.get("reason", "").strip()[:MOST_REASON] or None,
    )
    return visit.done("/questions", "said.letters.retried")


async def resolve_many(visit: Visit) -> Response:
    await visit.services.dead_letters.resolve_many(
        _filter(visit.form),
        expected_count=_count(visit),
        note=reason_of(visit),
        by=visit.name,
        outcome=_outcome(visit),
    )
    return visit.done("/questions", "said.letters.resolved")


def _filter(given: object) -> LetterFilter:
    said = dict(given)  # type: ignore[call-overload]

    def value(name: str) -> str | None:
        return said.get(name, "").strip()[:200] or None

    return LetterFilter(register_id=value("register"), pos_id=value("till"), error=value("error"))


def _document(visit: Visit) -> int | None:
    """The number of the document to adopt; None: print again."""
    chosen = visit.form.get("decision", "")
    if chosen == "again":
        return None
    kind, _, number = chosen.partition(":")
    if kind == "adopt" and number.isascii() and number.isdecimal() and len(number) < 12:
        return int(number)
    raise InvalidInput(
        "Choose what to do: adopt one of the documents, or print again.",
        "Выберите решение: принять один из документов или напечатать снова.",
    )


def _letter(visit: Visit) -> int:
    return int(visit.request.path_params["letter_id"])


def _outcome(visit: Visit) -> LetterOutcome:
    try:
        return LetterOutcome(visit.form.get("outcome", ""))
    except ValueError:
        raise InvalidInput("Say what became of the receipt.", "Укажите, что стало с чеком.") from None


def _count(visit: Visit) -> int:
    said = visit.form.get("count", "")
    if not (said.isascii() and said.isdecimal()) or len(said) > 9:
        raise InvalidInput("Open the page anew.", "Откройте страницу заново.")
    return int(said)


ROUTES = (
    page("/questions", questions, nav="questions"),
    action("/questions/receipts/{receipt_id}", decide, need=NEEDS[Action.RECEIPT_RESOLVE].role),
    action("/questions/cash/{movement:int}", decide_cash, need=NEEDS[Action.SHIFT_RESOLVE].role),
    action("/questions/reports", decide_report, need=NEEDS[Action.SHIFT_RESOLVE].role),
    action("/questions/letters/{letter_id:int}/retry", retry, need=NEEDS[Action.DEAD_LETTER_RETRY].role),
    action(
        "/questions/letters/{letter_id:int}/resolve", resolve, need=NEEDS[Action.DEAD_LETTER_RESOLVE].role
    ),
    action("/questions/letters/retry", retry_many, need=NEEDS[Action.DEAD_LETTER_RETRY].role),
    action("/questions/letters/resolve", resolve_many, need=NEEDS[Action.DEAD_LETTER_RESOLVE].role),
)
