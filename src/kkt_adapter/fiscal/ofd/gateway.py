"""The seam to an operator: one message out, one typed answer in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.ofd.confirmation import Confirmation
from kkt_adapter.kernel.jsontext import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class OfdReply:
    """A confirmation that names the right FN and document."""

    response_code: int | None  # 1022: 0 accepted, 11, 14 ...; None when the confirmation carries none
    raw: bytes  # session header and container, for the FN
    ofd_inn: str | None = None  # 1017
    operator_sign: str | None = None  # 1078 as hex
    replied_at: datetime | None = None  # 1012 of the answer, wall clock

    @classmethod
    def of(cls, confirmation: Confirmation, *, raw: bytes) -> Self:
        return cls(
            response_code=confirmation.response_code,
            raw=raw,
            ofd_inn=confirmation.ofd_inn,
            operator_sign=confirmation.operator_sign,
            replied_at=confirmation.replied_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What the HTTP profile answers for one receipt (ofd-http.md)."""

    ofd_id: str | None
    timestamp: int | None  # Unix seconds, becomes hlc_server_time
    duplicate: bool = False  # 409 that names our receipt: it was there already


class OfdGateway(Protocol):
    """The binary protocol: a new connection for every message; cancel closes the socket.

    ``deliver`` may be called again with the same bytes after any failure.

    Raises:
        OfdUnavailable: no connection, no answer in time.
        OfdProtocolError: an answer that is no confirmation of this message.
    """

    async def deliver(self, message: OfdMessage) -> OfdReply: ...

    async def probe(self) -> None:
        """Is the operator there? A TCP connection is enough. Raises OfdUnavailable."""
        ...

    async def close(self) -> None: ...


class HttpOfdGateway(Protocol):
    """The HTTP profile for cloud fiscalisation.

    Raises:
        OfdUnavailable: channel failure (time-out, 5xx, 401, 403, 408, 425, 429, not JSON).
        OfdRejected: any other 4xx.
    """

    async def deliver(self, receipt_id: str, body: JsonObject) -> HttpReply: ...

    async def probe(self) -> None: ...

    async def close(self) -> None: ...
