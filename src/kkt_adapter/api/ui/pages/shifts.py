"""Shifts of the registers, sessions of the tills and the cash in their drawers; X and Z reports."""

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.ui.forms import key_of
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.shifts.reports import ReportMade, ReportType
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.kernel.ids import random_id

SHIFTS, SESSIONS = 50, 50  # shown on the page


async def shifts(visit: Visit) -> Response:
    return await _page(visit, report=None)


async def session(visit: Visit) -> Response:
    found = await visit.services.shift_book.session(visit.request.path_params["session_id"])
    return visit.page("session.html", detail=found)


async def x_report(visit: Visit) -> Response:
    """An X report makes no document: it is shown on the page that asked for it."""
    made = await visit.services.registers.x_report(_till(visit), key=None, session_id=None)
    return await _page(visit, report=made.answer)


async def z_report(visit: Visit) -> Response:
    """The page's key makes a form that is sent twice one report."""
    made = await visit.services.registers.z_report(
        _till(visit), key=key_of(visit, prefix="ui"), session_id=None
    )
    return await _page(visit, report=made.answer)


async def open_shift(visit: Visit) -> Response:
    await visit.services.registers.open_shift(_till(visit), key=key_of(visit, prefix="ui"), session_id=None)
    return visit.done("/shifts", "said.shift.opened")


async def _page(visit: Visit, *, report: ReportMade | None) -> Response:
    chosen = visit.query.get("register") or None
    cards = await visit.services.watch.cards.read()
    return visit.page(
        "shifts.html",
        cards=[card for card in cards if chosen in (None, card.register_id)],
        names=[card.register_id for card in cards],
        zones={card.register_id: card.zone for card in cards},
        chosen=chosen,
        report=report,
        is_z=report is not None and report.type is ReportType.Z,
        sessions=[
            *await visit.services.shift_book.open_sessions(),
            *await visit.services.shift_book.sessions(pos_id=None, limit=SESSIONS),
        ],
        shifts=await visit.services.shift_book.shifts(register_id=chosen, limit=SHIFTS),
        may_x=visit.may(NEEDS[Action.X_REPORT].role),
        may_z=visit.may(NEEDS[Action.Z_REPORT].role),
        new_key=random_id,
    )


def _till(visit: Visit) -> str:
    till = visit.form.get("pos_id", "")
    if not till or len(till) > 64:
        raise InvalidInput("Name the till.", "Укажите кассу.")
    return till


ROUTES = (
    page("/shifts", shifts, nav="shifts"),
    page("/shifts/sessions/{session_id}", session),
    action("/shifts/x", x_report, need=NEEDS[Action.X_REPORT].role),
    action("/shifts/z", z_report, need=NEEDS[Action.Z_REPORT].role),
    action("/shifts/open", open_shift, need=NEEDS[Action.SHIFT_OPEN].role),
)
