"""The pages, in the order of the navigation."""

from kkt_adapter.api.ui.pages import (
    audit,
    catalogue,
    overview,
    questions,
    receipt,
    receipts,
    sandbox,
    shifts,
    sign_in,
)

ROUTES = (
    *overview.ROUTES,
    *receipts.ROUTES,
    *receipt.ROUTES,
    *questions.ROUTES,
    *shifts.ROUTES,
    *catalogue.ROUTES,
    *audit.ROUTES,
    *sandbox.ROUTES,
    *sign_in.ROUTES,
)
