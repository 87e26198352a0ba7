"""What the routes of the catalogue and its scheduler work with; ``catalog`` of the services."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.access import Action, check_may
from kkt_adapter.api.deps import person
from kkt_adapter.api.services import ApiServices, CatalogServices
from kkt_adapter.api.strict import refuse_unknown_parameters
from kkt_adapter.runtime.auth.roles import Principal, Role


async def catalog_of(request: Request) -> CatalogServices:
    services: ApiServices = request.app.state.services
    return services.catalog


Catalog = Annotated[CatalogServices, Depends(catalog_of)]
Viewer = Annotated[Principal, Depends(person(Role.VIEWER))]
Manager = Annotated[Principal, Depends(person(Role.MANAGER))]
Admin = Annotated[Principal, Depends(person(Role.ADMIN))]


async def may_read_products(request: Request, catalog: Catalog) -> None:
    """A dependency of product reads, for accounts and for tills' own tokens.

    Raises:
        NotAuthenticated, NotAllowed
        RequestInvalid: a parameter that the route does not have; a misspelt filter would find everything.
    """
    if not catalog.public_read:
        services: ApiServices = request.app.state.services
        check_may(await services.gate.admit(request.headers.get("authorization")), Action.CATALOGUE_READ)
    refuse_unknown_parameters(request)
