"""Who is there, and how a browser wants to see the pages: sign-in, sign-out, language, theme."""

import re
from typing import get_args

from starlette.responses import RedirectResponse, Response

from kkt_adapter.api.negotiation import Language
from kkt_adapter.api.people import address_of
from kkt_adapter.api.ui.cookies import LANGUAGE, THEME, CookieJar, Theme, is_secure
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.kernel.errors import InvalidInput, NotAuthenticated, RateLimited

_PAGE = re.compile(r"/(?:[\w.~%:@&=+,-]+/?)*(?:\?[\w.~%:@&=+,/-]*)?")  # of ours, below /ui


async def ask(visit: Visit) -> Response:
    if visit.signed_in:
        return visit.done(_next(visit.query.get("next", "")))
    return _form(visit)


async def sign_in(visit: Visit) -> Response:
    """The same limit of tries as the API's, because it is the same object."""
    name, password = visit.form.get("username", ""), visit.form.get("password", "")
    address = address_of(visit.request)
    try:
        signed_in = await visit.services.people.sign_in.login(name, password, address=address)
    except (NotAuthenticated, InvalidInput) as error:
        return _form(visit, name=name, trouble=visit.of(error.detail), code=401)
    except RateLimited as error:
        return _form(visit, name=name, trouble=visit.of(error.detail), code=429)
    visit.session = visit.sessions.begin(signed_in.account)  # a new id: one planted before is worth nothing
    return visit.done(_next(visit.form.get("next", "")))


async def sign_out(visit: Visit) -> Response:
    visit.sessions.end(visit.session)
    visit.session = visit.sessions.begin()
    return visit.done("/sign-in")


async def wish(visit: Visit) -> Response:
    """Language and theme, kept by the browser."""
    back = _next(visit.form.get("back", ""))
    response = RedirectResponse(f"{visit.prefix}/ui{back}", status_code=303)
    jar = CookieJar(path=f"{visit.prefix}/ui")
    secure = is_secure(visit.request)
    for name, allowed in ((LANGUAGE, get_args(Language)), (THEME, get_args(Theme))):
        value = visit.form.get(_FIELDS[name], "")
        if value in allowed:
            jar.set_wish(response, name, value, secure=secure)
    return response


def _form(visit: Visit, *, name: str = "", trouble: str | None = None, code: int = 200) -> Response:
    asked = visit.query.get("next", "") or visit.form.get("next", "")
    return visit.page("sign_in.html", code=code, name=name, trouble=trouble, next=_next(asked))


def _next(asked: str) -> str:
    """Where to go on: a page of ours, never another site."""
    return asked if _PAGE.fullmatch(asked) and not asked.startswith("//") else "/"


_FIELDS = {LANGUAGE: "lang", THEME: "theme"}

ROUTES = (
    page("/sign-in", ask, need=None),
    action("/sign-in", sign_in, need=None),
    action("/sign-out", sign_out, need=None),
    action("/wish", wish, need=None),
)
