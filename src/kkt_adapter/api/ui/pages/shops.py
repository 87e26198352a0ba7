"""Accounts of shops with their doors and groups, and the callbacks that are owed to them."""

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.runtime.auth.roles import Role

SHOWN = 50  # callbacks on the page


async def shops(visit: Visit) -> Response:
    return visit.page(
        "shops.html",
        shops=await visit.services.people.shops.all(),
        owed=await visit.services.callback_book.owed(limit=SHOWN),
        may_call=visit.may(NEEDS[Action.SHOP_CALLBACK].role),
    )


async def call_again(visit: Visit) -> Response:
    await visit.services.registers.tell_shop_again(str(visit.request.path_params["receipt_id"]))
    return visit.done("/shops", "said.callback.again")


ROUTES = (
    page("/shops", shops, need=Role.MANAGER, nav="shops"),
    action("/shops/callbacks/{receipt_id}", call_again, need=NEEDS[Action.SHOP_CALLBACK].role),
)
