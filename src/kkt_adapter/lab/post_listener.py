"""A server of the lab's own to which nodes post: of a web shop, of people who are told of alerts."""

from aiohttp import web
from aiohttp.typedefs import Handler

from kkt_adapter.emulators.listening import HttpListener

HOST = "127.0.0.1"


class PostListener:
    """``heard`` answers what is posted to ``path``; the port is known once it has started."""

    def __init__(self, path: str, heard: Handler) -> None:
        self._path = path
        self._app = web.Application()
        self._app.router.add_post(path, heard)
        self._listener = HttpListener(host=HOST, port=0)

    async def start(self) -> None:
        await self._listener.listen(self._app)

    async def stop(self) -> None:
        await self._listener.cut()

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{self._path}"
