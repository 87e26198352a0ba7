"""The pages, in the order of the navigation.

In: a `Visit`. Out: a response, by the services and read models behind the page.
"""

from kkt_adapter.api.ui.pages import (
    audit,
    catalogue,
    overview,
    questions,
    receipt,
    receipts,
    registers,
    sandbox,
    settings,
    shifts,
    shops,
    sign_in,
)

ROUTES = (
    *overview.ROUTES,
    *receipts.ROUTES,
    *receipt.ROUTES,
    *questions.ROUTES,
    *shifts.ROUTES,
    *catalogue.ROUTES,
    *registers.ROUTES,
    *shops.ROUTES,
    *audit.ROUTES,
    *settings.ROUTES,
    *sandbox.ROUTES,
    *sign_in.ROUTES,
)
