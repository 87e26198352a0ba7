"""A browser without a screen: cookies, forms and their tokens, over the application in this process."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from tests.support.api import BASE_URL

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="_token" value="([^"]+)"')


class Browser:
    """One visitor. ``path`` of every call is below ``/ui``."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(f"/ui{path}", headers=headers)

    async def token(self) -> str:
        """From any page that this visitor may see."""
        found = _TOKEN.search((await self.get("/sign-in")).text) or _TOKEN.search((await self.get("/")).text)
        assert found is not None
        return html.unescape(found.group(1))

    async def post(
        self, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx2.Response:
        """An action with the visitor's own token, or the one given."""
        sent = {"_token": await self.token() if token is None else token, **fields}
        return await self.client.post(f"/ui{path}", data=sent, headers=headers or {})

    async def sign_in(self, name: str, password: str = PASSWORD, **fields: Any) -> httpx2.Response:
        return await self.post("/sign-in", username=name, password=password, **fields)


@asynccontextmanager
async def browser_of(app: Any, **headers: str) -> AsyncIterator[Browser]:
    transport = httpx2.ASGITransport(app=app)
    given = {"Accept-Language": "en"} | headers
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=given) as client:
        yield Browser(client)
