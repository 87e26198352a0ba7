"""What the edge asks of a door, and what a door may ask of the edge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import Receive, Scope, Send

from kkt_adapter.api.late import Late
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.log import get_logger

log = get_logger("door")

MAX_BODY_BYTES: Final = 1024 * 1024
RELEASE_PLACE: Final = "kkt.release_place"
"""Key in the ASGI scope: call it to wait on without a place among those at work. Twice is harmless."""

ReleasePlace = Callable[[], None]


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class DoorAnswer:
    """An answer in the door's form."""

    status: int
    body: bytes
    content_type: bytes = b"application/json; charset=utf-8"
    more: tuple[tuple[bytes, bytes], ...] = ()  # headers

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            *self.more,
        ]


class Door(Protocol):
    """One foreign protocol. Called as an ASGI application for the paths of its ``Doorway``."""

    @property
    def max_body_bytes(self) -> int: ...

    async def known(self, scope: Scope) -> str | None:
        """The id of the shop whose credentials the request shows, before its body is read; None: nobody's.
        It may not raise for wrong ones."""
        ...

    def check_head(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raise what is wrong with a request that has a body: a page that the shop does not list, media type,
        encoding."""
        ...

    async def read_body(self, receive: Receive, *, deadline_s: float | None) -> bytes:
        """The whole body; ``deadline_s`` None: it is here already.

        Raises RefusedByStatus (413, 408), ClientDisconnect.
        """
        ...

    def refusal(self, error: Exception, scope: Scope) -> DoorAnswer:
        """How this error is told on this path."""
        ...

    def stop(self) -> None:
        """The service stops: answer whatever is held."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Doorway:
    """The paths of one door, and the door itself once it was asked for: its code is loaded with the first
    request for one of these paths."""

    def __init__(
        self,
        name: str,
        serves: Callable[[str], bool],
        door: Late[Door],
        *,
        not_loaded: Callable[[str], DoorAnswer],
    ) -> None:
        """``not_loaded``: the answer on a path while the door cannot be had."""
        self.name = name
        self.serves = serves
        self.door = door
        self.not_loaded = not_loaded

    async def opened(self, scope: Scope, send: Send) -> Door | None:
        """The door; None: its code cannot be had in time, and the request was answered so."""
        try:
            return self.door.made or await self.door.get()
        except Exception:
            log.exception("door_not_loaded", door=self.name)
            await send_answer(send, self.not_loaded(scope["path"]))
            return None

    def stop(self) -> None:
        """The service stops."""
        if self.door.made is not None:
            self.door.made.stop()


def release_place(scope: Scope) -> None:
    """Give the place among those at work back; what follows may take long."""
    release: ReleasePlace | None = scope.get(RELEASE_PLACE)
    if release is not None:
        release()


async def send_answer(
    send: Send, answer: DoorAnswer, *, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [*answer.headers, *(headers or ())],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
