"""What the routes of sign-in, accounts and till tokens work with; found at ``app.state.people``."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.deps import person
from kkt_adapter.runtime.auth.accounts import Accounts
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.roles import Principal, Role
from kkt_adapter.runtime.auth.signin import SignIn
from kkt_adapter.runtime.auth.till_tokens import TillTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleServices:
    """``gate`` is the very one of the other services, so that a change made here is seen there at once."""

    sign_in: SignIn
    accounts: Accounts
    till_tokens: TillTokens
    gate: Gate


async def people_of(request: Request) -> PeopleServices:
    people: PeopleServices = request.app.state.people
    return people


People = Annotated[PeopleServices, Depends(people_of)]
Anyone = Annotated[Principal, Depends(person(Role.VIEWER))]
Admin = Annotated[Principal, Depends(person(Role.ADMIN))]


def address_of(request: Request) -> str:
    """Where the request comes from; the server puts a trusted proxy's word for it here."""
    return request.client.host if request.client else "unknown"
