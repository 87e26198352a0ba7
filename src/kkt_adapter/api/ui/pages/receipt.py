"""One receipt: its way so far, the slip beside its tags, attempts, bytes, kin, files."""

from markupsafe import Markup
from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.schemas.shown.receipts import detail_answer
from kkt_adapter.api.ui.json_text import laid_out
from kkt_adapter.api.ui.pages.receipts import KINDS
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.queries.receipt_story import ReceiptStory
from kkt_adapter.fiscal.slip import pdf_available, qr_svg
from kkt_adapter.fiscal.slip.content import content
from kkt_adapter.kernel import jsontext

REPRINT = NEEDS[Action.RECEIPT_REPRINT].role


async def receipt(visit: Visit) -> Response:
    story = await visit.services.stories.of(_id(visit))
    slip = await visit.services.stories.slip(story.id) if story.fd_number is not None else None
    drawn = None if slip is None else content(slip)
    return visit.page(
        "receipt.html",
        story=story,
        kinds=KINDS,
        slip=drawn,
        qr=None if drawn is None else Markup(qr_svg(drawn.qr)),  # noqa: S704 - own SVG
        tags=() if story.described is None else story.described.nodes,
        ticket=() if story.ticket_described is None else story.ticket_described.nodes,
        as_json=await _json(visit, story),
        zone=visit.services.watch.cards.zone_of(story.register_id),
        pdf=pdf_available(),
        may_reprint=story.print_state is PrintState.PRINT_FAILED and visit.may(REPRINT),
    )


async def slip_pdf(visit: Visit) -> Response:
    made = await visit.services.receipts.slip_pdf(_id(visit))
    return _file(made, "application/pdf", f"receipt-{_id(visit)}.pdf")


async def slip_html(visit: Visit) -> Response:
    made = await visit.services.receipts.slip_html(_id(visit))
    return _file(made.encode(), "text/html; charset=utf-8", f"receipt-{_id(visit)}.html")


async def reprint(visit: Visit) -> Response:
    await visit.services.registers.reprint(_id(visit))
    return visit.done(f"/receipts/{_id(visit)}", "said.reprint")


def _id(visit: Visit) -> str:
    return str(visit.request.path_params["id"])


async def _json(visit: Visit, story: ReceiptStory) -> str:
    """What the API answers for this receipt, to be copied."""
    found = await visit.services.receipts.by_id(story.id)
    page_of = visit.services.buyer.links.of
    return laid_out(jsontext.encode(detail_answer(found, english=visit.english, page_of=page_of)))


def _file(body: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=media_type, headers=headers)


ROUTES = (
    page("/receipts/{id}", receipt),
    page("/receipts/{id}/slip.pdf", slip_pdf),
    page("/receipts/{id}/slip.html", slip_html),
    action("/receipts/{id}/reprint", reprint, need=REPRINT),
)
