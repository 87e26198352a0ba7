"""Shifts of the registers, sessions of the tills and the cash in their drawers; X and Z reports."""

from decimal import Decimal, InvalidOperation

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.ui.forms import key_of
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.shifts.reports import ReportMade, ReportType
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.kernel.money import kopecks

SHIFTS, SESSIONS = 50, 50  # shown on the page
CARDS = 12  # of registers, the worst first; another one is chosen by its name
COUNT = NEEDS[Action.Z_REPORT].role  # who closes the shift counts the drawer
MOST_KOP = 10**12  # counted in one drawer


async def shifts(visit: Visit) -> Response:
    return await _page(visit, report=None)


async def session(visit: Visit) -> Response:
    found = await visit.services.shift_book.session(visit.request.path_params["session_id"])
    return visit.page(
        "session.html",
        detail=found,
        zone=visit.services.watch.cards.zone_of(found.session.register_id),
        may_count=visit.may(COUNT),
    )


async def count(visit: Visit) -> Response:
    """The cash that a person counted in the drawer."""
    session_id = str(visit.request.path_params["session_id"])
    await visit.services.sessions.count(session_id, counted_kop=_counted(visit), by=visit.name)
    return visit.done(f"/shifts/sessions/{session_id}", "said.counted")


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
        most_cards=CARDS,
        chosen=chosen,
        report=report,
        is_z=report is not None and report.type is ReportType.Z,
        sessions=[
            *await visit.services.shift_book.open_sessions(),
            *await visit.services.shift_book.sessions(pos_id=None, limit=SESSIONS),
        ],
        cash=[
            one
            for one in await visit.services.shift_book.cash_at_registers(pos_id=None)
            if chosen in (None, one.register_id)
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


def _counted(visit: Visit) -> int:
    """Rubles as a person writes them, in kopecks. Raises InvalidInput."""
    said = "".join(visit.form.get("counted", "").split()).replace(",", ".")
    try:
        rubles = Decimal(said)
        if not rubles.is_finite() or rubles.adjusted() > 12:
            raise ValueError
        counted = kopecks(rubles)
        if not 0 <= counted <= MOST_KOP:
            raise ValueError
    except (InvalidOperation, ValueError):
        raise InvalidInput(
            "Give the cash in rubles, as 1250.50.",
            "Укажите сумму в рублях, например 1250,50.",
            field="counted",
        ) from None
    return counted


ROUTES = (
    page("/shifts", shifts, nav="shifts", shared=("shift-cash", "shift-sessions")),
    page("/shifts/sessions/{session_id}", session),
    action("/shifts/sessions/{session_id}/count", count, need=COUNT),
    action("/shifts/x", x_report, need=NEEDS[Action.X_REPORT].role),
    action("/shifts/z", z_report, need=NEEDS[Action.Z_REPORT].role),
    action("/shifts/open", open_shift, need=NEEDS[Action.SHIFT_OPEN].role),
)
