"""The pages, in the order of the navigation."""

from kkt_adapter.api.ui.pages import overview, sign_in

ROUTES = (*overview.ROUTES, *sign_in.ROUTES)
