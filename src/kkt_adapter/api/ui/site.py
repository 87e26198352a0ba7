"""The pages as one application: session, right and form token of every request, headers of every answer."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Mount, Route, Router
from starlette.types import ASGIApp

from kkt_adapter.api.body import read_within
from kkt_adapter.api.entry.heads import forwarded_while_open, headers_of, is_forwarded
from kkt_adapter.api.errors import answer_to
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.streams import ClosingStream
from kkt_adapter.api.ui.cookies import SESSION, CookieJar, is_secure, language_of, theme_of
from kkt_adapter.api.ui.live import LiveFeed
from kkt_adapter.api.ui.marks import read_marks
from kkt_adapter.api.ui.pages import ROUTES
from kkt_adapter.api.ui.render import Templates
from kkt_adapter.api.ui.routing import UiRoute
from kkt_adapter.api.ui.shared_parts import SharedParts
from kkt_adapter.api.ui.static_files import StaticFiles
from kkt_adapter.api.ui.visit import GUEST, NavEntry, Visit
from kkt_adapter.api.wire.protocol import CONNECTION
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, InvalidInput, NotAllowed, NotAuthenticated
from kkt_adapter.runtime.auth.roles import Principal
from kkt_adapter.runtime.auth.web_sessions import WebSession

MOUNT = "/ui"
MAX_FORM_BYTES = 16 * 1024
FORM_DEADLINE_S = 10.0
FORM_FIELDS = 200
_ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")
TOKEN = "_token"  # noqa: S105 - the name of a field

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Site:
    """``app`` is what stands below ``/ui``; ``mounted`` answers ``/ui`` too."""

    def __init__(self, services: ApiServices, settings: ApiSettings, clock: Clock) -> None:
        self._services = services
        self._auth_open = settings.auth_open
        self._prefix = settings.path_prefix
        self._clock = clock
        self._jar = CookieJar(path=f"{settings.path_prefix}{MOUNT}")
        static = StaticFiles()
        self._templates = Templates(static, prefix=settings.path_prefix)
        self.live = LiveFeed(lambda: read_marks(services), clock)
        self.shared = SharedParts(self.live, clock)
        self.routes = tuple(r for r in ROUTES if services.sandbox is not None or not r.sandbox)
        self._nav = tuple(NavEntry(key=r.nav, path=r.path) for r in self.routes if r.nav is not None)
        self.app = Starlette(
            routes=[
                Route(f"/static/{static.version}/{{name:path}}", static.answer),
                Route("/live", self._stream),
                *(self._route(route) for route in self.routes),
            ],
            middleware=[Middleware(GZipMiddleware, minimum_size=1024)],
            exception_handlers={HTTPException: self._unknown},
        )
        self.mounted: ASGIApp = Router(
            [Route(MOUNT, self.enter, methods=_ANY), Mount(MOUNT, self.app)], redirect_slashes=False
        )

    async def enter(self, request: Request) -> Response:
        """``/ui`` without its slash."""
        return RedirectResponse(f"{self._prefix}{MOUNT}/", status_code=307)

    def _route(self, route: UiRoute) -> Route:
        async def serve(request: Request) -> Response:
            return await self._serve(request, route)

        return Route(route.path, serve, methods=["POST"] if route.changes else ["GET"])

    async def _serve(self, request: Request, route: UiRoute) -> Response:
        visit = await self._visit(request)
        try:
            self._refuse_open_proxy(request)
            if route.changes:
                visit.form = await self._form(request, visit.session)
            if route.need is not None:
                _check(visit, route)
            response = await self._answer(visit, route)
        except ClientDisconnect:
            raise
        except NotAuthenticated as error:
            response = self._to_sign_in(visit, route, error)
        except Exception as error:
            response = self._failed(visit, error)
        return self._finished(visit, response)

    async def _answer(self, visit: Visit, route: UiRoute) -> Response:
        if visit.part not in route.shared:
            return await route.handler(visit)
        assert visit.who is not None
        visit.is_shared = True
        return await self.shared.answer(
            (visit.here, visit.part, visit.who.role, visit.language),
            lambda: route.handler(visit),
            packed="gzip" in visit.request.headers.get("accept-encoding", ""),
        )

    async def _visit(self, request: Request) -> Visit:
        session = self._services.people.web_sessions.read(request.cookies.get(SESSION, ""))
        known = None if session is None else session.id
        who: Principal | None = None
        if session is not None and session.account is not None:
            try:
                who = await self._services.people.gate.admit_session(session)
            except NotAuthenticated:
                session = None
            except AdapterError:
                pass  # the database cannot say; the page will
        if who is None and self._auth_open:
            who = GUEST
        if who is not None:
            connection = request.scope.get(CONNECTION)
            if connection is not None and who is not GUEST:
                connection.prove()
        return Visit(
            request=request,
            services=self._services,
            sessions=self._services.people.web_sessions,
            templates=self._templates,
            live=self.live,
            session=session or self._services.people.web_sessions.begin(),
            cookie_session=known,
            who=who,
            language=language_of(request),
            theme=theme_of(request),
            prefix=self._prefix,
            now=self._clock.now(),
            nav=self._nav,
            auth_open=self._auth_open,
            sandbox=self._services.sandbox is not None,
        )

    def _refuse_open_proxy(self, request: Request) -> None:
        if self._auth_open and is_forwarded(headers_of(request.scope["headers"])):
            raise forwarded_while_open()

    async def _form(self, request: Request, session: WebSession) -> Mapping[str, str]:
        """The fields of an action, once it is certain that our own page sent them.

        Raises:
            InvalidInput: this is no form of ours.
            NotAllowed: the token is missing, or of another session.
        """
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise InvalidInput("Send a form.", "Отправьте форму.")
        body = await read_within(request.receive, most=MAX_FORM_BYTES, deadline_s=FORM_DEADLINE_S)
        try:
            pairs = parse_qsl(
                body.decode("utf-8"),
                keep_blank_values=True,
                strict_parsing=bool(body),
                max_num_fields=FORM_FIELDS,
            )
        except ValueError:
            raise InvalidInput("The form cannot be read.", "Форма не читается.") from None
        form = dict(pairs)
        if not self._services.people.web_sessions.is_form_token(session, form.pop(TOKEN, "")):
            raise NotAllowed(
                "The form is out of date: open the page anew and repeat.",
                "Форма устарела: откройте страницу заново и повторите.",
                reason="FORM_TOKEN",
            )
        return form

    def _to_sign_in(self, visit: Visit, route: UiRoute, error: NotAuthenticated) -> Response:
        """A browser that walks is led to the sign-in and back; a part of a page takes the whole one there."""
        back = visit.url("/sign-in", next=visit.here)
        if route.changes:
            return visit.page("problem.html", code=401, detail=visit.of(error.detail), retry_path=None)
        if "hx-request" in visit.request.headers:
            return Response(status_code=401, headers={"HX-Redirect": back})
        return RedirectResponse(back, status_code=303)

    def _failed(self, visit: Visit, error: Exception) -> Response:
        answer = answer_to(error, visit.request.scope)
        detail = visit.of(error.detail) if isinstance(error, AdapterError) else visit.t("problem.internal")
        response = visit.page("problem.html", code=answer.status, detail=detail, retry_path=visit.path)
        for name, value in answer.headers:
            if name.lower() == b"retry-after":
                response.headers["Retry-After"] = value.decode("latin-1")
        return response

    def _finished(self, visit: Visit, response: Response) -> Response:
        """Headers, and the session's cookie where it is new, renewed or another one."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        session, request = visit.session, visit.request
        walks = "hx-request" not in request.headers  # a page that refreshes by itself keeps nobody signed in
        renewed = self._services.people.web_sessions.renewed(session) if walks else None
        if renewed is not None or visit.cookie_session != session.id:
            text = self._services.people.web_sessions.text(renewed or session)
            self._jar.set_session(response, text, secure=is_secure(request))
        return response

    async def _stream(self, request: Request) -> Response:
        visit = await self._visit(request)
        if visit.who is None:
            return Response(status_code=401, headers={"Cache-Control": "no-store"})

        sessions = self._services.people.web_sessions

        async def still_welcome() -> bool:
            if visit.who is GUEST:
                return True
            try:
                await self._services.people.gate.admit_session(visit.session)
                return sessions.read(sessions.text(visit.session)) is not None
            except NotAuthenticated:
                return False
            except AdapterError:
                return True

        events = self.live.events(still_welcome)
        return ClosingStream(
            events,
            close=events.aclose,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **HEADERS},
        )

    async def _unknown(self, request: Request, error: Exception) -> Response:
        visit = await self._visit(request)
        status = error.status_code if isinstance(error, HTTPException) else 500
        if visit.who is None and status == 404:
            return self._finished(visit, RedirectResponse(visit.url("/sign-in"), status_code=303))
        page = visit.page("problem.html", code=status, detail=visit.t("problem.no_page"), retry_path="/")
        if status == 405:
            page.headers["Allow"] = ", ".join(self._methods(request))
        return self._finished(visit, page)

    def _methods(self, request: Request) -> list[str]:
        """All methods of this path: a page and its action are routes of their own."""
        routes = (route for route in self.app.routes if isinstance(route, Route))
        found = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
        return sorted({method for route in found for method in route.methods or ()})


def _check(visit: Visit, route: UiRoute) -> None:
    """Raises NotAuthenticated, NotAllowed."""
    if visit.who is None or (visit.who is GUEST and route.need is not None and not visit.may(route.need)):
        raise NotAuthenticated("Sign in to do this.", "Войдите, чтобы сделать это.")
    if route.need is not None and not visit.may(route.need):
        raise NotAllowed(
            f"This needs an account with role {route.need}.",
            f"Нужна учётная запись с ролью {route.need}.",
        )
