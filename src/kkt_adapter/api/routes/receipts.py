"""Receipts: read back, print again, settle by hand (http-api.md#receipts)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from kkt_adapter.api.access import Action, check_may, check_till, till_of
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.entry.accept import PATH
from kkt_adapter.api.negotiation import preferred_form, ranks_english_first
from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.schemas.answers import receipts as shapes
from kkt_adapter.api.schemas.documents import answers, body_of, text_answer
from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.refusals import OF_DEVICE
from kkt_adapter.api.schemas.requests import (
    Cursor,
    KeyQuery,
    Limit,
    ReprintBody,
    ResolveReceiptBody,
    Since,
    Till,
    receipt_id_of,
)
from kkt_adapter.api.schemas.shown import receipts as shown
from kkt_adapter.api.services import ApiServices
from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.queries.receipt_models import ReceiptDetail
from kkt_adapter.fiscal.slip import pdf_available
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["receipts"])

_SLIP_FORMS = ("text/plain", "text/html", "application/pdf")
_SLIP = text_answer(
    "text/plain",
    examples.SLIP,
    "The readable receipt, as text or, where Accept prefers it, as HTML or PDF.",
    refuses=f"NOT_ACCEPTABLE NOT_FOUND CONFLICT {OF_DEVICE}",
)
_SLIP[200]["content"] |= text_answer("text/html", f"<pre>{examples.SLIP}</pre>", "")[200]["content"]

_SLIP[200]["content"]["application/pdf"] = {
    "schema": {"type": "string", "format": "binary"},
    "example": "%PDF-1.7 ...",
}

Reader = Annotated[Principal, Depends(may(Action.RECEIPT_READ))]
ReceiptId = Annotated[str, Depends(receipt_id_of)]


def _detail(services: Services, found: ReceiptDetail, request: Request) -> Any:
    return shown.detail_answer(found, english=_english(request), page_of=services.buyer.links.of)


@router.get(
    PATH,
    responses=answers(shapes.ReceiptDetail, examples.RECEIPT_DETAIL, refuses="NOT_FOUND"),
    summary="Read a receipt by its Idempotency-Key",
)
async def receipt_by_key(
    request: Request, services: Services, principal: Reader, idempotency_key: KeyQuery
) -> Response:
    """For a till whose POST timed out. 404: it was never accepted, so it may be posted again."""
    found = await services.receipts.by_key(idempotency_key)
    check_till(principal, found.summary.pos_id)
    return JsonAnswer(_detail(services, found, request))


@router.get(
    "/v1/kkt/receipts",
    responses=answers(shapes.ReceiptPage, examples.RECEIPTS),
    summary="List receipts, newest first",
)
async def list_receipts(
    services: Services,
    principal: Reader,
    status: Status | None = None,
    print_state: PrintState | None = None,
    pos_id: Till = None,
    since: Since = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """``next_cursor`` leads to the next page and is null on the last one."""
    page = await services.receipts.page(
        status=status,
        print_state=print_state,
        pos_id=till_of(principal, pos_id),
        since=since,
        limit=limit,
        cursor=cursor,
    )
    return JsonAnswer(shown.page_answer(page))


@router.get(
    "/v1/kkt/receipt/{receipt_id}",
    responses=answers(shapes.ReceiptDetail, examples.RECEIPT_DETAIL, refuses="NOT_FOUND"),
    summary="Read a receipt",
)
async def receipt_by_id(
    request: Request, services: Services, principal: Reader, receipt_id: ReceiptId
) -> Response:
    """Where it stands with the register (``print_state``) and with the operator (``status``)."""
    found = await services.receipts.by_id(receipt_id)
    check_till(principal, found.summary.pos_id)
    return JsonAnswer(_detail(services, found, request))


@router.get(
    "/v1/kkt/receipt/{receipt_id}/slip",
    response_class=Response,
    responses=_SLIP,
    summary="The readable receipt",
)
async def slip(request: Request, services: Services, principal: Reader, receipt_id: ReceiptId) -> Response:
    """409 CONFLICT while it is not printed."""
    await _check_own(services, principal, receipt_id)
    match preferred_form(request.headers.get("accept", ""), _SLIP_FORMS) or "text/plain":
        case "text/html":
            page = await services.receipts.slip_html(receipt_id)
            return HTMLResponse(page, headers={"Content-Security-Policy": _SLIP_POLICY, "Vary": "Accept"})
        case "application/pdf":
            if not pdf_available():
                raise RefusedByStatus(
                    "NOT_ACCEPTABLE",
                    "PDF needs the package fpdf2: install locks/service.txt. Text and HTML are there.",
                    "Для PDF нужен пакет fpdf2: установите locks/service.txt. Есть текст и HTML.",
                )
            body = await services.receipts.slip_pdf(receipt_id)
            return Response(body, media_type="application/pdf", headers={"Vary": "Accept"})
    return PlainTextResponse(await services.receipts.slip_text(receipt_id), headers={"Vary": "Accept"})


@router.get(
    "/v1/kkt/receipt/{receipt_id}/qr",
    response_class=Response,
    responses=text_answer("image/svg+xml", examples.QR_SVG, "SVG.", refuses="NOT_FOUND CONFLICT"),
    summary="The QR code of a receipt",
)
async def qr(services: Services, principal: Reader, receipt_id: ReceiptId) -> Response:
    """409 CONFLICT while it is not printed."""
    await _check_own(services, principal, receipt_id)
    return Response(await services.receipts.qr_svg(receipt_id), media_type="image/svg+xml")


@router.post(
    "/v1/kkt/receipt/{receipt_id}/reprint",
    responses=answers(shapes.ReceiptSummary, examples.RECEIPT, refuses="NOT_FOUND CONFLICT"),
    openapi_extra=body_of(ReprintBody, {}, required=False),
    summary="Try to print a refused receipt again",
)
async def reprint(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.RECEIPT_REPRINT))],
    receipt_id: ReceiptId,
) -> Response:
    """For ``print_failed`` only, after the cause is gone; 409 CONFLICT if it is printed already, or if its
    shop was told that it failed: then it takes a ``reason``, from an administrator, and the shop is called
    back again."""
    await _check_own(services, principal, receipt_id)
    wanted = await read_model(request, ReprintBody, may_be_empty=True)
    if wanted.reason is not None:
        check_may(principal, Action.RECEIPT_RESOLVE)
    return JsonAnswer(
        shown.summary_answer(
            await services.registers.reprint(receipt_id, reason=wanted.reason, by=principal.name)
        )
    )


@router.post(
    "/v1/kkt/receipt/{receipt_id}/callback",
    responses=answers(shapes.ReceiptSummary, examples.RECEIPT, refuses="NOT_FOUND CONFLICT"),
    summary="Call the shop of a receipt back again",
)
async def callback(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.SHOP_CALLBACK))],
    receipt_id: ReceiptId,
) -> Response:
    """Its ``callback_url`` is told anew, as soon as there is an outcome; 409 CONFLICT if it gave none."""
    return JsonAnswer(shown.summary_answer(await services.registers.tell_shop_again(receipt_id)))


@router.post(
    "/v1/kkt/receipt/{receipt_id}/resolve",
    responses=answers(shapes.ReceiptSummary, examples.RECEIPT, refuses=f"NOT_FOUND CONFLICT {OF_DEVICE}"),
    openapi_extra=body_of(ResolveReceiptBody, examples.RESOLVE_RECEIPT),
    summary="Settle an unknown outcome by hand",
)
async def resolve(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.RECEIPT_RESOLVE))],
    receipt_id: ReceiptId,
) -> Response:
    """For ``print_unknown`` only: adopt the document the register made, or have it printed again."""
    wanted = await read_model(request, ResolveReceiptBody)
    settled = await services.registers.resolve(
        receipt_id,
        action=wanted.action,
        fiscal_doc_number=wanted.fiscal_doc_number,
        reason=wanted.reason,
        by=principal.name,
        question_version=wanted.question_version,
    )
    return JsonAnswer(shown.summary_answer(settled))


_SLIP_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _english(request: Request) -> bool:
    return ranks_english_first(request.headers.get("accept-language"))


async def _check_own(services: ApiServices, principal: Principal, receipt_id: str) -> None:
    """Raises NotAllowed for a receipt of another till, ReceiptNotFound for none at all."""
    if principal.pos_ids:
        check_till(principal, (await services.receipts.by_id(receipt_id)).summary.pos_id)
