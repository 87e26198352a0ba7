"""Who asks, and how often: each verified sender has a budget of its own, all others share their address's.

A credential counts only after it was verified. So nobody gets a new budget by writing the header otherwise,
and wrong credentials use up the budget of the address they come from, not that of the tills beside it.
"""

from typing import Any

from starlette.types import Scope

from kkt_adapter.api.rate import RateLimit
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.wire.protocol import CONNECTION
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import NotAuthenticated, RateLimited
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.roles import Principal

PRINCIPAL = "kkt.principal"  # key in the ASGI scope: a Principal, or the NotAuthenticated it was refused with


class Senders:
    def __init__(self, gate: Gate, settings: ApiSettings, clock: Clock) -> None:
        self._gate = gate
        self._per_s = 0 if settings.auth_open else settings.rate_limit_per_s
        self._rate = RateLimit(clock, per_s=self._per_s)

    async def admit(self, scope: Scope, authorization: bytes | None) -> Principal | None:
        """The verified sender, or None. What was found out stays in the scope for the route.

        Raises:
            RateLimited: this sender, or this address without a valid credential, asks too often.
            StorageError, Overloaded: the database cannot say who it is.
        """
        principal = None
        if authorization is not None:
            try:
                principal = await self._gate.admit(authorization.decode("latin-1"))
            except NotAuthenticated as error:
                scope[PRINCIPAL] = error
            else:
                scope[PRINCIPAL] = principal
                connection: Any = scope.get(CONNECTION)
                if connection is not None:
                    connection.prove()
        self.pace(scope, principal)
        return principal

    def pace(self, scope: Scope, principal: Principal | None = None) -> None:
        """Count this request for its sender, or for its address. Raises RateLimited."""
        client = scope.get("client")
        caller = f"name:{principal.name}" if principal else f"address:{client[0] if client else ''}"
        wait_s = self._rate.wait_s(caller)
        if wait_s:
            raise RateLimited(
                f"More than {self._per_s} requests a second. Slow down.",
                f"Более {self._per_s} запросов в секунду. Делайте паузы.",
                retry_after=wait_s,
            )
