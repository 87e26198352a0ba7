"""The sender of a request, with the right for what it asks: for routes with the framework and without.

``request.app.state`` has the core services and the settings, in either application.
"""

from starlette.requests import Request

from kkt_adapter.api.access import OPEN, Action, check_may
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.entry.heads import headers_of, is_forwarded
from kkt_adapter.api.entry.senders import PRINCIPAL
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.errors import NotAuthenticated, Unavailable
from kkt_adapter.runtime.auth.roles import Principal


async def admitted(request: Request, action: Action) -> Principal:
    """The sender of a /v1 request, with the right for ``action``. Raises NotAuthenticated, NotAllowed."""
    settings: ApiSettings = request.app.state.settings
    if settings.auth_open:
        return OPEN
    principal = await sender_of(request)
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
        await sender_of(request)
    except (NotAuthenticated, Unavailable):  # also while the database cannot say
        return False
    return True


async def sender_of(request: Request) -> Principal:
    """Whom the edge has found, or the gate's word where it did not ask. Raises NotAuthenticated."""
    found = request.scope.get(PRINCIPAL)
    if isinstance(found, NotAuthenticated):
        raise found
    if isinstance(found, Principal):
        return found
    core: CoreServices = request.app.state.core
    return await core.gate.admit(request.headers.get("authorization"))
