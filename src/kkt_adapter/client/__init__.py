"""A typed client of the service: ``AsyncClient`` for programs with an event loop, ``Client`` for others.

In: the address, a token, the call. Out: answers as plain dicts with types (``client.models``); money is
Decimal. A call that was lost on its way is sent again with the same Idempotency-Key, so that nothing is
done twice; errors are those of ``client.errors``. Imports nothing else of kkt-adapter.
"""

from kkt_adapter.client.calls import NO_RETRY, Call, Retry
from kkt_adapter.client.errors import ApiError, ClientError, NoAnswer, NotTheService
from kkt_adapter.client.faces import AsyncClient, Client

__all__ = [
    "NO_RETRY",
    "ApiError",
    "AsyncClient",
    "Call",
    "Client",
    "ClientError",
    "NoAnswer",
    "NotTheService",
    "Retry",
]
