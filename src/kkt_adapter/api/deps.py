"""What routes ask FastAPI for: the services, and the sender of the request with the right to do this.

Dependencies are coroutines: a plain function would be run in a thread, at several times its price.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kkt_adapter.api.access import OPEN, Action, check_may
from kkt_adapter.api.entry.heads import headers_of, is_forwarded
from kkt_adapter.api.entry.senders import PRINCIPAL
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.strict import refuse_unread
from kkt_adapter.kernel.errors import NotAllowed, NotAuthenticated, Unavailable
from kkt_adapter.runtime.auth.roles import Principal, Role


async def services_of(request: Request) -> ApiServices:
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(services_of)]


async def admitted(request: Request, action: Action) -> Principal:
    """The sender of a /v1 request, with the right for ``action``. Raises NotAuthenticated, NotAllowed."""
    settings: ApiSettings = request.app.state.settings
    if settings.auth_open:
        return OPEN
    principal = await _sender(request)
    check_may(principal, action)
    return principal


async def is_known(request: Request) -> bool:
    """May the sender see names and addresses: it has shown a valid token, or nobody needs one here."""
    settings: ApiSettings = request.app.state.settings
    if settings.auth_open:
        return not is_forwarded(headers_of(request.scope["headers"]))
    if "authorization" not in request.headers:
        return False
    try:
        await _sender(request)
    except (NotAuthenticated, Unavailable):  # also while the database cannot say
        return False
    return True


async def _sender(request: Request) -> Principal:
    """Whom the edge has found, or the gate's word where it did not ask. Raises NotAuthenticated."""
    found = request.scope.get(PRINCIPAL)
    if isinstance(found, NotAuthenticated):
        raise found
    if isinstance(found, Principal):
        return found
    services: ApiServices = request.app.state.services
    return await services.gate.admit(request.headers.get("authorization"))


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
        principal = await _sender(request)
        if not principal.covers(role):
            raise NotAllowed(
                f"This needs an account with role {role}.", f"Нужна учётная запись с ролью {role}."
            )
        await refuse_unread(request)
        return principal

    return admit
