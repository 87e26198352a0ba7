"""HEAD wherever GET is: the route answers a GET, the client gets its status and headers."""

from starlette.types import Message, Scope, Send


def as_get(scope: Scope, send: Send) -> tuple[Scope, Send]:
    """The same request as GET, and a ``send`` that keeps the body back.

    The answer is complete with its headers; a route that would go on for long learns that nobody listens.
    """

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return {**scope, "method": "GET"}, send_head
