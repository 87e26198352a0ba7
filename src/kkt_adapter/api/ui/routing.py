"""What a page module lists: its pages and actions, each with the role it needs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.responses import Response

from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.runtime.auth.roles import Role

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UiRoute:
    """``path`` is below ``/ui``. ``need`` is None where nobody has to sign in."""

    path: str
    handler: Handler
    need: Role | None
    changes: bool  # a POST with the form token; else a GET
    nav: str | None = None  # its entry in the navigation
    sandbox: bool = False  # there is only in a process started with --demo
    shared: frozenset[str] = frozenset()  # live parts that are the same for all of one role (shared_parts.py)


def page(
    path: str,
    handler: Handler,
    *,
    need: Role | None = Role.VIEWER,
    nav: str | None = None,
    sandbox: bool = False,
    shared: Iterable[str] = (),
) -> UiRoute:
    return UiRoute(
        path=path,
        handler=handler,
        need=need,
        changes=False,
        nav=nav,
        sandbox=sandbox,
        shared=frozenset(shared),
    )


def action(path: str, handler: Handler, *, need: Role | None, sandbox: bool = False) -> UiRoute:
    return UiRoute(path=path, handler=handler, need=need, changes=True, sandbox=sandbox)
