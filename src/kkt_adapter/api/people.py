"""What the routes of sign-in, accounts and till tokens work with; found at ``app.state.people``."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.deps import person
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.auth.roles import Principal, Role


async def people_of(request: Request) -> AuthParts:
    people: AuthParts = request.app.state.people
    return people


People = Annotated[AuthParts, Depends(people_of)]
Anyone = Annotated[Principal, Depends(person(Role.VIEWER))]
Admin = Annotated[Principal, Depends(person(Role.ADMIN))]


def address_of(request: Request) -> str:
    """Where the request comes from; the server puts a trusted proxy's word for it here."""
    return request.client.host if request.client else "unknown"
