"""The buyer's receipt: a public page per receipt, for whoever has its address (docs/reference/buyer-page.md).

No account, no cookie, nothing from elsewhere. Unknown, expired, not printed and switched off are one and the
same answer, so that nobody learns from it which receipts exist.
"""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from kkt_adapter.api.rate import RateLimit
from kkt_adapter.api.services import ApiServices
from kkt_adapter.fiscal.slip import pdf_available
from kkt_adapter.fiscal.slip.links import PATH
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError

ROUTE: Final = f"{PATH}/{{token}}"
PER_S: Final = 5  # pages a second for one address
PDFS_AT_ONCE: Final = 2  # each takes some hundred milliseconds of a thread

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "DENY",
    "Cache-Control": "private, no-store",
}
_NOT_FOUND: Final = (
    '<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Чек не найден</title></head>'
    "<body><h1>Чек не найден</h1><p>Проверьте адрес или спросите продавца.</p></body></html>"
)
_TOO_OFTEN: Final = (
    '<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Слишком часто</title></head>'
    "<body><h1>Слишком много запросов</h1><p>Повторите через секунду.</p></body></html>"
)


class BuyerPages:
    """An ASGI application for ``/r/{token}``; ``?format=pdf`` gives the PDF, where the extra is there."""

    def __init__(self, services: ApiServices, *, clock: Clock) -> None:
        self._services = services
        self._rate = RateLimit(clock, per_s=PER_S)
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        caller = request.client.host if request.client else ""
        if self._rate.wait_s(caller):
            answer: Response = HTMLResponse(
                _TOO_OFTEN, status_code=429, headers=HEADERS | {"Retry-After": "1"}
            )
        else:
            answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        buyer = self._services.buyer
        receipt_id = buyer.links.receipt_id(request.path_params["token"]) if buyer.links.enabled else None
        if receipt_id is None:
            return _not_found()
        as_pdf = request.query_params.get("format") == "pdf" and pdf_available()
        try:
            if as_pdf:
                async with self._pdfs:
                    body = await buyer.receipts.buyer_pdf(receipt_id)
                return Response(body, media_type="application/pdf", headers=HEADERS | _attachment())
            page = await buyer.receipts.buyer_html(receipt_id, pdf=pdf_available())
        except AdapterError:  # not there, not printed, or its register cannot be asked
            return _not_found()
        return HTMLResponse(page, headers=HEADERS)


def _attachment() -> dict[str, str]:
    return {"Content-Disposition": 'inline; filename="receipt.pdf"'}


def _not_found() -> Response:
    return HTMLResponse(_NOT_FOUND, status_code=404, headers=HEADERS)
