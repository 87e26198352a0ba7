"""The cookies of the pages: the session, and how a browser wants to see them."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.negotiation import Language, preferred

Theme = Literal["system", "light", "dark"]

SESSION = "kkt_session"
LANGUAGE = "kkt_lang"
THEME = "kkt_theme"
_YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieJar:
    """``path``: where the pages are for the browser, a proxy's prefix and all."""

    path: str

    def set_session(self, response: Response, text: str, *, secure: bool) -> None:
        """Until the browser is closed; the server ends it earlier."""
        response.set_cookie(SESSION, text, path=self.path, httponly=True, samesite="lax", secure=secure)

    def set_wish(self, response: Response, name: str, value: str, *, secure: bool) -> None:
        response.set_cookie(
            name, value, path=self.path, max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure
        )


def language_of(request: Request) -> Language:
    chosen = request.cookies.get(LANGUAGE)
    if chosen in get_args(Language):
        return cast(Language, chosen)
    return preferred(request.headers.get("accept-language"))


def theme_of(request: Request) -> Theme:
    chosen = request.cookies.get(THEME)
    return cast(Theme, chosen) if chosen in get_args(Theme) else "system"


def is_secure(request: Request) -> bool:
    """Did the browser come over TLS; behind a trusted proxy the proxy says so."""
    return request.url.scheme == "https"
