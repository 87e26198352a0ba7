"""The registers with their devices, and setting one aside or back to work."""

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.ui.forms import reason_of
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.store.holds import HoldMode

SHOWN = 30  # registers on the page, the worst first; others are found by their name


async def registers(visit: Visit) -> Response:
    asked = visit.query.get("q", "").strip().casefold()
    found = await visit.services.registers.status(None)
    groups = sorted({group for one in found for group in one.groups})
    cards = {card.register_id: card for card in await visit.services.watch.cards.read()}
    fit = {one.register_id: one for one in found if asked in one.register_id.casefold()}
    shown = [fit[name] for name in cards if name in fit][:SHOWN]
    return visit.page(
        "registers.html",
        registers=shown,
        hidden=len(fit) - len(shown),
        groups=groups,
        cards=cards,
        asked=visit.query.get("q", ""),
        may_hold=visit.may(NEEDS[Action.REGISTER_HOLD].role),
        total=len(found),
    )


async def hold(visit: Visit) -> Response:
    return await _set_aside(visit, HoldMode.HOLD)


async def drain(visit: Visit) -> Response:
    return await _set_aside(visit, HoldMode.DRAIN)


async def release(visit: Visit) -> Response:
    await visit.services.pools.release(_register(visit), reason=reason_of(visit), by=visit.name)
    return visit.done("/registers", "said.register.released")


async def _set_aside(visit: Visit, mode: HoldMode) -> Response:
    await visit.services.pools.set_aside(_register(visit), mode=mode, reason=reason_of(visit), by=visit.name)
    return visit.done("/registers", "said.register.set_aside")


def _register(visit: Visit) -> str:
    return str(visit.request.path_params["register_id"])


_NEED = NEEDS[Action.REGISTER_HOLD].role
ROUTES = (
    page("/registers", registers, nav="registers"),
    action("/registers/{register_id}/hold", hold, need=_NEED),
    action("/registers/{register_id}/drain", drain, need=_NEED),
    action("/registers/{register_id}/release", release, need=_NEED),
)
