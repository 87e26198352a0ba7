"""May this sale be refunded now (http-api.md#receipts)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.schemas.answers.receipts import RefundCheck
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.requests import RefundCheckBody
from kkt_adapter.kernel.errors import RefundBlocked
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["receipts"])


@router.post(
    "/v1/pos/refund",
    responses=answers(RefundCheck, examples.REFUND_CHECK, refuses="BAD_REQUEST REFUND_BLOCKED"),
    openapi_extra=body_of(RefundCheckBody, examples.REFUND_CHECK_BODY),
    summary="May this sale be refunded now",
)
async def check_refund(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.REFUND_CHECK))],
) -> Response:
    """409 REFUND_BLOCKED with the same members while the sale is not delivered. An unknown one may."""
    wanted = await read_model(request, RefundCheckBody, may_be_empty=True)
    original = wanted.original_fiscal_doc_id or wanted.original_receipt_id
    if original is None:
        raise RefusedByStatus(
            "BAD_REQUEST",
            "Name the sale in original_fiscal_doc_id.",
            "Укажите продажу в original_fiscal_doc_id.",
        )
    decision = await services.refunds.check(original)
    facts = {
        "allowed": decision.allowed,
        "sync_status": decision.sync_status,
        "reason": decision.reason,
        "buffer_count": decision.buffer_count,
        "buffer_percent": decision.buffer_percent,
    }
    if not decision.allowed:
        raise RefundBlocked(
            "The sale is not synced yet: wait until the operator has it, then refund.",
            "Продажа ещё не передана в ОФД: дождитесь передачи, затем оформляйте возврат.",
            **facts,
        )
    return JsonAnswer(facts)
