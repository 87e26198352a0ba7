"""POS sessions and the cash in the drawer (http-api.md#sessions-and-cash)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, check_till, till_of
from kkt_adapter.api.answer import JsonAnswer, answer_once
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas import sessions as shapes
from kkt_adapter.api.schemas.answers.registers import CashAtRegisters, CashDecision, PosSession
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.requests import Till, optional_idempotency_key
from kkt_adapter.api.schemas.shown.sessions import cash_answer, session_answer
from kkt_adapter.api.services import ApiServices
from kkt_adapter.fiscal.control.sessions import Sessions as PosSessions
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["sessions"])

_REFUSES = "NOT_FOUND CONFLICT IDEMPOTENCY_CONFLICT"


async def sessions_of(request: Request) -> PosSessions:
    services: ApiServices = request.app.state.services
    return services.sessions


Sessions = Annotated[PosSessions, Depends(sessions_of)]
Cashier = Annotated[Principal, Depends(may(Action.SESSION))]


@router.post(
    "/v1/pos/session/open",
    responses=answers(PosSession, shapes.SESSION, refuses=_REFUSES),
    openapi_extra=body_of(shapes.OpenSessionBody, shapes.OPEN_SESSION_BODY, keyed=True),
    summary="Open a till's session",
)
async def open_session(request: Request, sessions: Sessions, principal: Cashier) -> Response:
    """409 CONFLICT while the till has an open one. An Idempotency-Key makes repeating safe."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, shapes.OpenSessionBody)
    check_till(principal, wanted.pos_id)
    outcome = await sessions.open(
        wanted.pos_id, session_id=wanted.session_id, opening_cash_kop=wanted.opening_cash, key=key
    )
    return answer_once(outcome, session_answer)


@router.post(
    "/v1/pos/session/close",
    responses=answers(
        PosSession,
        shapes.CLOSED_SESSION,
        refuses=_REFUSES,
    ),
    openapi_extra=body_of(shapes.CloseSessionBody, shapes.CLOSE_SESSION_BODY, keyed=True),
    summary="Close a till's session",
)
async def close_session(request: Request, sessions: Sessions, principal: Cashier) -> Response:
    """The shift stays open. A Z report closes the sessions of its register by itself."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, shapes.CloseSessionBody)
    check_till(principal, wanted.pos_id)
    outcome = await sessions.close(
        wanted.pos_id,
        session_id=wanted.session_id,
        key=key,
        counted_kop=wanted.counted_cash,
        by=principal.name,
    )
    return answer_once(outcome, session_answer)


@router.post(
    "/v1/pos/cash",
    responses=answers(PosSession, shapes.SESSION, refuses=_REFUSES),
    openapi_extra=body_of(shapes.CashBody, shapes.CASH_BODY, keyed=True),
    summary="Put cash in or take it out",
)
async def move_cash(request: Request, sessions: Sessions, principal: Cashier) -> Response:
    """No fiscal document. The register prints a slip and counts it as soon as its shift is open. 409 CONFLICT
    without an open session, or when the drawer holds less."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, shapes.CashBody)
    check_till(principal, wanted.pos_id)
    outcome = await sessions.move_cash(
        wanted.pos_id,
        kind=wanted.type,
        amount_kop=wanted.amount,
        reason=wanted.reason,
        by=principal.name,
        key=key,
    )
    return answer_once(outcome, session_answer)


@router.get(
    "/v1/pos/cash",
    responses=answers(CashAtRegisters, shapes.CASH_AT_REGISTERS),
    summary="Cash that registers have not counted yet, or perhaps have",
)
async def cash_at_registers(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.SESSION_READ))],
    pos_id: Till = None,
) -> Response:
    """Oldest first: what ``waits`` for an open shift, was ``sent``, and is ``unclear`` until a person settles
    it. What is done or was refused is not listed."""
    found = await services.shift_book.cash_at_registers(pos_id=till_of(principal, pos_id))
    return JsonAnswer(cash_answer(found))


@router.post(
    "/v1/pos/cash/{movement}/resolve",
    responses=answers(CashDecision, shapes.CASH_RESOLVED, refuses="CONFLICT"),
    openapi_extra=body_of(shapes.ResolveCashBody, shapes.RESOLVE_CASH_BODY),
    summary="Settle a cash movement that the register's counters do not tell of",
)
async def resolve_cash(
    request: Request,
    sessions: Sessions,
    principal: Annotated[Principal, Depends(may(Action.SHIFT_RESOLVE))],
    movement: Annotated[int, Path(ge=1, le=2**63 - 1, description="As event cash_unclear names it.")],
) -> Response:
    """Only for one that is ``unclear``: it was done, or it is sent once more. 409 CONFLICT otherwise."""
    wanted = await read_model(request, shapes.ResolveCashBody)
    await sessions.decide_cash(
        movement, done=wanted.action == "done", by=principal.name, reason=wanted.reason
    )
    return JsonAnswer({"movement": movement, "action": wanted.action, "reason": wanted.reason})


@router.get(
    "/v1/pos/session/{pos_id}",
    responses=answers(PosSession, shapes.SESSION, refuses="NOT_FOUND"),
    summary="A till's session with its cash",
)
async def session(
    sessions: Sessions,
    principal: Annotated[Principal, Depends(may(Action.SESSION_READ))],
    pos_id: Annotated[str, Path(max_length=64, description="The till.")],
) -> Response:
    """The open one, else the last one. 404: the till never had any."""
    check_till(principal, pos_id)
    return JsonAnswer(session_answer(await sessions.get(pos_id)))
