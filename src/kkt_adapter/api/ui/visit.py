"""One request of a browser, as the pages see it: who, in which language, from where; and how to answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kkt_adapter.api.errors import REQUEST_ID
from kkt_adapter.api.negotiation import Language
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.ui.cookies import Theme
from kkt_adapter.api.ui.format import Format
from kkt_adapter.api.ui.live import LiveFeed
from kkt_adapter.api.ui.render import Templates
from kkt_adapter.api.ui.texts import say, word
from kkt_adapter.kernel.errors import Text
from kkt_adapter.runtime.auth.roles import Principal, PrincipalKind, Role
from kkt_adapter.runtime.auth.web_sessions import WebSession, WebSessions

GUEST = Principal(kind=PrincipalKind.ACCOUNT, name="open", role=Role.VIEWER)
"""Whoever looks without a sign-in, while ``auth = open``: reads, and does nothing."""

AGES_S = 60  # a live part is fetched anew at least so often: it shows ages
SAID = "said"  # query parameter: the text of what was just done


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    key: str
    path: str


@dataclass(slots=True, kw_only=True)
class Visit:
    """``session`` may be replaced by a handler (sign-in, sign-out); the site then sets the cookie."""

    request: Request
    services: ApiServices
    sessions: WebSessions
    templates: Templates
    live: LiveFeed
    session: WebSession
    who: Principal | None
    language: Language
    theme: Theme
    prefix: str  # of the proxy, without /ui
    now: datetime
    nav: tuple[NavEntry, ...]
    auth_open: bool
    sandbox: bool
    cookie_session: str | None = None  # id of the session that the browser's cookie holds
    form: Mapping[str, str] = field(default_factory=dict)  # of an action
    is_shared: bool = False  # what is rendered goes to other visitors, too

    @property
    def name(self) -> str:
        """Who does it, for the records."""
        return "open" if self.who is None else self.who.name

    @property
    def signed_in(self) -> bool:
        return self.who is not None and self.who is not GUEST

    @property
    def path(self) -> str:
        """Of this page, below /ui."""
        return self.request.url.path.removeprefix(self.prefix).removeprefix("/ui") or "/"

    @property
    def here(self) -> str:
        """This page with its query, below /ui, to come back to."""
        query = urlencode([(k, v) for k, v in self.query.items() if k != SAID])
        return self.path + (f"?{query}" if query else "")

    @property
    def part(self) -> str | None:
        """Id of the element that the page's script fetches anew; None: the whole page is asked for."""
        if "hx-request" not in self.request.headers:
            return None
        return self.request.headers.get("hx-target", "").partition("#")[2] or None

    @property
    def request_id(self) -> str:
        return str(self.request.scope.get(REQUEST_ID, ""))

    def key_of(self, section: str) -> str:
        """The letter after ``g``: the first of the section's name that no section before it has."""
        taken: set[str] = set()
        for entry in self.nav:
            letter = next((c for c in entry.key if c not in taken), entry.key[0])
            taken.add(letter)
            if entry.key == section:
                return letter
        return section[0]

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def zone(self) -> tzinfo:
        """In which the pages show times that belong to no single register."""
        return self.services.watch.cards.zone()

    @property
    def english(self) -> bool:
        return self.language == "en"

    def may(self, role: Role | str) -> bool:
        """Whether the page shows what needs this role; the site checks it again when it is done."""
        return self.who is not None and self.who.covers(Role(role))

    def t(self, key: str, /, **values: object) -> str:
        return say(key, self.language, **values)

    def word(self, key: str) -> str | None:
        """Like ``t`` for words that come from the data; None for one that the catalogue does not know."""
        return word(key, self.language)

    def of(self, text: Text) -> str:
        """A text of the product in the visitor's language."""
        return text.en if self.english else text.ru

    def url(self, path: str, /, **query: object) -> str:
        """A link to a page; parameters that are None or empty are left out."""
        kept = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.prefix}/ui{path}" + (f"?{urlencode(kept)}" if kept else "")

    def token(self) -> Markup:
        """The hidden field that every form carries."""
        if self.is_shared:
            raise RuntimeError(f"{self.path}: a form in a part that visitors share")
        text = self.sessions.form_token(self.session)
        return Markup('<input type="hidden" name="_token" value="{}">').format(text)

    def page(self, template: str, /, *, code: int = 200, **values: Any) -> HTMLResponse:
        values |= {
            "visit": self,
            "t": self.t,
            "of": self.of,
            "url": self.url,
            "fmt": Format(english=self.english, now=self.now, home=self.zone),
            "live": partial(_live, self),
            "said": self._said(),
        }
        return HTMLResponse(self.templates.render(template, values, part=self.part), status_code=code)

    def done(self, path: str, said: str | None = None, /, **query: object) -> Response:
        """Lead the browser on after an action; ``said`` is the text that the page then shows."""
        return RedirectResponse(self.url(path, **query, said=said), status_code=303)

    def _said(self) -> str | None:
        key = self.query.get(SAID, "")
        return self.t(key) if key.startswith("said.") and len(key) < 60 else None


def _live(visit: Visit, element: str, *marks: str) -> Markup:
    """Attributes of the element with this id, fetched anew when one of these marks changes."""
    here = visit.url(visit.path, **{k: v for k, v in visit.query.items() if k != SAID})
    trigger = ", ".join([*(f"{mark} from:body" for mark in marks), f"every {AGES_S}s"])
    return Markup(
        'id="{0}" data-live hx-get="{1}" hx-trigger="{2}" hx-select="#{0}" hx-swap="outerMorph"'
    ).format(element, here, trigger)
