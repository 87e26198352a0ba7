"""What routes ask FastAPI for: the services, and the sender of the request with the right to do this.

Dependencies are coroutines: a plain function would be run in a thread, at several times its price.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.access import Action
from kkt_adapter.api.entry.rights import admitted, sender_of
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.strict import refuse_unread
from kkt_adapter.kernel.errors import NotAllowed
from kkt_adapter.runtime.auth.roles import Principal, Role


async def services_of(request: Request) -> ApiServices:
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(services_of)]


def may(action: Action) -> Callable[[Request], Awaitable[Principal]]:
    """For /v1: ``principal: Annotated[Principal, Depends(may(Action.SYNC))]``."""

    async def admit(request: Request) -> Principal:
        principal = await admitted(request, action)
        await refuse_unread(request)
        return principal

    return admit


def person(role: Role) -> Callable[[Request], Awaitable[Principal]]:
    """For /api/v1, which always needs an account: ``Depends(person(Role.MANAGER))``.

    Raises:
        NotAuthenticated: no token, or one that does not hold.
        NotAllowed: a till's token, or an account with too weak a role.
    """

    async def admit(request: Request) -> Principal:
        principal = await sender_of(request)
        if not principal.covers(role):
            raise NotAllowed(
                f"This needs an account with role {role}.", f"Нужна учётная запись с ролью {role}."
            )
        await refuse_unread(request)
        return principal

    return admit
