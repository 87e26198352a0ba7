"""The page of a demonstration: post a receipt, refund it, close the shift, break things and mend them."""

import json
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.schemas.receipt import read_receipt
from kkt_adapter.api.ui.forms import key_of
from kkt_adapter.api.ui.pages.receipts import KINDS
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.delivery import receipt_body
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter
from kkt_adapter.kernel.errors import AdapterError, NotFound, ReceiptInvalid, ReceiptNotFound
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.roles import Role

LATEST = 5
MOST_DIGITS = 12  # of price and quantity; arithmetic with 1e1000000000 overflows
FIRST_TILL = "POS-001"
FIELDS = ("pos_id", "kind", "name", "price", "quantity", "vat", "payment")
VATS = ("22", "10", "0", "none")
SELL = NEEDS[Action.RECEIPT_ACCEPT].role
CLOSE = NEEDS[Action.Z_REPORT].role


async def sandbox(visit: Visit) -> Response:
    return await _page(visit)


async def post(visit: Visit) -> Response:
    """The page's key makes a form that is sent twice one receipt."""
    form = visit.form
    price, quantity = (form.get(name, "").replace(",", ".") for name in ("price", "quantity"))
    try:
        factors = [Decimal(price), Decimal(quantity)]
        if any(one.adjusted() > MOST_DIGITS for one in factors):
            raise ValueError
        amount = f"{factors[0] * factors[1]:.2f}"
    except (InvalidOperation, ValueError):
        amount = "0"  # the rules of the receipt say what is wrong with price and quantity
    body = {
        "pos_id": form.get("pos_id", ""),
        "type": form.get("kind", "sale"),
        "items": [
            {
                "name": form.get("name", ""),
                "price": price,
                "quantity": quantity,
                "vat_rate": form.get("vat", "none"),
            }
        ],
        "payments": [{"type": form.get("payment", "cash"), "amount": amount}],
    }
    return await _accepted(visit, body)


async def refund(visit: Visit) -> Response:
    """Everything of a sale, back by the same payments."""
    story = await visit.services.stories.of(visit.form.get("receipt_id", ""))
    body = {
        "pos_id": story.pos_id,
        "type": "refund",
        "original_receipt_id": story.id,
        "items": [
            {name: line[name] for name in ("name", "price", "quantity", "total", "vat_rate")}
            for line in receipt_body.lines(story.receipt)
        ],
        "payments": receipt_body.payments(story.receipt),
    }
    return await _accepted(visit, body)


async def z_report(visit: Visit) -> Response:
    await visit.services.registers.z_report(
        visit.form.get("pos_id", ""), key=key_of(visit, prefix="sandbox"), session_id=None
    )
    return visit.done("/sandbox", "said.sandbox.closed")


async def fault(visit: Visit) -> Response:
    on = visit.form.get("on") == "1"
    assert visit.services.sandbox is not None  # these routes are there only with one
    await visit.services.sandbox.switch(visit.form.get("fault", ""), on=on)
    return visit.done("/sandbox", "said.sandbox.broken" if on else "said.sandbox.mended")


async def _accepted(visit: Visit, body: dict[str, Any]) -> Response:
    parsed = read_receipt(json.dumps(body, default=str).encode())
    sent = replace(parsed.sent, english=visit.english)
    key = key_of(visit, prefix="sandbox")
    try:
        if sent.broken:
            raise await visit.services.intake.refusal(parsed.request, key=key, sent=sent)
        acceptance = await visit.services.intake.accept(parsed.request, key=key, sent=sent)
    except ReceiptInvalid as error:
        return await _page(visit, troubles=[visit.of(one.message) for one in error.violations], code=422)
    except AdapterError as error:
        return await _page(visit, troubles=[visit.of(error.detail)], code=409)
    answer = json.loads(acceptance.body)
    return visit.done("/sandbox", f"said.sandbox.{answer['status']}")


async def _page(visit: Visit, *, troubles: list[str] | None = None, code: int = 200) -> Response:
    services = visit.services
    cards = await services.watch.cards.read()
    latest = await services.lists.page(ReceiptFilter(), limit=LATEST)
    asked = visit.query.get("refund", "")
    try:
        refunded = await services.stories.of(asked) if asked else None
    except (ReceiptNotFound, NotFound):
        refunded = None
    tills = sorted({till for card in cards for till in card.tills} | {FIRST_TILL})
    assert services.sandbox is not None
    return visit.page(
        "sandbox.html",
        code=code,
        troubles=troubles or [],
        given={name: visit.form.get(name, "") for name in FIELDS},
        tills=tills,
        open_tills=[card.tills[0] for card in cards if card.shift_age_s is not None and card.tills],
        vats=VATS,
        receipt_kinds=[kind.value for kind in ReceiptKind if kind is not ReceiptKind.CORRECTION],
        latest=latest.rows,
        kinds=KINDS,
        refunded=refunded,
        faults=services.sandbox.faults,
        known=services.sandbox.known,
        may_sell=visit.may(SELL),
        may_close=visit.may(CLOSE),
        may_break=visit.may(Role.ADMIN),
        new_key=random_id,
        zone=services.watch.cards.zone(),
    )


ROUTES = (
    page("/sandbox", sandbox, nav="sandbox", sandbox=True),
    action("/sandbox/receipt", post, need=SELL, sandbox=True),
    action("/sandbox/refund", refund, need=SELL, sandbox=True),
    action("/sandbox/z", z_report, need=CLOSE, sandbox=True),
    action("/sandbox/fault", fault, need=Role.ADMIN, sandbox=True),
)
