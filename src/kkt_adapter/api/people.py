"""What the routes of sign-in, accounts and till tokens work with; ``people`` of the services."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.deps import person
from kkt_adapter.api.services import ApiServices
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.auth.roles import Principal, Role


async def people_of(request: Request) -> AuthParts:
    services: ApiServices = request.app.state.services
    return services.people


People = Annotated[AuthParts, Depends(people_of)]
Anyone = Annotated[Principal, Depends(person(Role.VIEWER))]
Admin = Annotated[Principal, Depends(person(Role.ADMIN))]


def address_of(request: Request) -> str:
    """Where the request comes from; the server puts a trusted proxy's word for it here."""
    return request.client.host if request.client else "unknown"
