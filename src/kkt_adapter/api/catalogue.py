"""What the routes of the catalogue and its scheduler work with; found at ``app.state.catalog``."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.deps import person
from kkt_adapter.catalog.reads.catalogue import CatalogReads
from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.sync.control import CatalogSync
from kkt_adapter.runtime.auth.roles import Principal, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogServices:
    """``public_read`` (CATALOG_PUBLIC_READ) lets everybody read products, with or without a token."""

    sync: CatalogSync
    schedule: DailySchedule
    reads: CatalogReads
    public_read: bool = False


async def catalog_of(request: Request) -> CatalogServices:
    catalog: CatalogServices = request.app.state.catalog
    return catalog


_viewer = person(Role.VIEWER)

Catalog = Annotated[CatalogServices, Depends(catalog_of)]
Viewer = Annotated[Principal, Depends(_viewer)]
Manager = Annotated[Principal, Depends(person(Role.MANAGER))]
Admin = Annotated[Principal, Depends(person(Role.ADMIN))]


async def may_read_products(request: Request, catalog: Catalog) -> None:
    """A dependency of product reads. Raises NotAuthenticated, NotAllowed."""
    if not catalog.public_read:
        await _viewer(request)
