"""Setting a register aside and putting it back to work (pools.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas.answers import registers as shapes
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import registers as examples
from kkt_adapter.api.schemas.requests import ReasonBody
from kkt_adapter.api.schemas.shown.registers import held_answer
from kkt_adapter.fiscal.store.holds import HoldMode
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["register"])

_PATH = "/v1/kkt/registers/{register_id}"
_BODY = body_of(ReasonBody, examples.HOLD_BODY)
Manager = Annotated[Principal, Depends(may(Action.REGISTER_HOLD))]


@router.post(
    f"{_PATH}/hold",
    responses=answers(shapes.RegisterHeld, examples.REGISTER_HELD, refuses="NOT_FOUND"),
    openapi_extra=_BODY,
    summary="Hold a register",
)
async def hold(request: Request, services: Services, principal: Manager, register_id: str) -> Response:
    """It prints no receipt until it is released, also after a restart. Waiting receipts of its groups go to
    the other registers; those of its own tills wait."""
    wanted = await read_model(request, ReasonBody)
    held = await services.pools.set_aside(
        register_id, mode=HoldMode.HOLD, reason=wanted.reason, by=principal.name
    )
    return JsonAnswer(held_answer(register_id, held.hold, moved=held.moved))


@router.post(
    f"{_PATH}/drain",
    responses=answers(shapes.RegisterHeld, examples.REGISTER_HELD, refuses="NOT_FOUND"),
    openapi_extra=_BODY,
    summary="Drain a register",
)
async def drain(request: Request, services: Services, principal: Manager, register_id: str) -> Response:
    """It prints what waits for it and takes no new receipt: those of its groups go to the other registers,
    those of its own tills get 503 KKT_BLOCKED with reason DRAINED."""
    wanted = await read_model(request, ReasonBody)
    drained = await services.pools.set_aside(
        register_id, mode=HoldMode.DRAIN, reason=wanted.reason, by=principal.name
    )
    return JsonAnswer(held_answer(register_id, drained.hold))


@router.post(
    f"{_PATH}/release",
    responses=answers(shapes.RegisterHeld, examples.REGISTER_RELEASED, refuses="NOT_FOUND CONFLICT"),
    openapi_extra=_BODY,
    summary="Put a register back to work",
)
async def release(request: Request, services: Services, principal: Manager, register_id: str) -> Response:
    """409 CONFLICT when it is neither held nor drained."""
    wanted = await read_model(request, ReasonBody)
    await services.pools.release(register_id, reason=wanted.reason, by=principal.name)
    return JsonAnswer(held_answer(register_id, None))
