"""Fiscal documents by FN and number: their bytes, and whether the FN says the same (http-api.md#receipts)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, check_till
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.deps import may, services_of
from kkt_adapter.api.schemas.answers import documents as shapes
from kkt_adapter.api.schemas.documents import answers
from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.refusals import OF_DEVICE
from kkt_adapter.api.schemas.shown.documents import document_answer
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["receipts"])

Reader = Annotated[Principal, Depends(may(Action.RECEIPT_READ))]
FnNumber = Annotated[str, Path(pattern=r"^\d{16}$", description="FN (1041), 16 digits.")]
FdNumber = Annotated[int, Path(ge=1, le=2**32 - 1, description="Number of the document (1040).")]
Compare = Annotated[bool, Query(description="Read it from the FN too, and compare.")]


@router.get(
    "/v1/kkt/documents/{fn_number}/{fd_number}",
    responses=answers(shapes.Document, examples.DOCUMENT, refuses=f"NOT_FOUND {OF_DEVICE}"),
    summary="Read a fiscal document's bytes",
)
async def document(
    request: Request,
    principal: Reader,
    fn_number: FnNumber,
    fd_number: FdNumber,
    compare: Compare = False,
) -> Response:
    """As kept when it was made, else as the FN gives it, which a real one does for about 30 days.

    Not for a till's token: a document may be of any till.
    """
    if principal.pos_ids:
        check_till(principal, "")
    documents: Documents = (await services_of(request)).documents
    return JsonAnswer(document_answer(await documents.document(fn_number, fd_number, compare=compare)))
