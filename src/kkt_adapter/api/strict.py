"""What a changing request may not carry: parameters and bodies that its route would not read.

``POST /api/v1/products/sync`` with ``{"page": 1}`` in the body would start a full run, and ``?ful=true``
would resume instead of starting afresh: what nobody reads is refused instead of being passed over.
"""

from typing import Any

from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from kkt_adapter.api.body import shown
from kkt_adapter.api.problems import WHOLE_BODY, RequestInvalid
from kkt_adapter.kernel.errors import Text, Violation

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EMPTY_BODIES = frozenset({b"", b"{}", b"null"})  # some clients send one of these where there is no body


async def refuse_unread(request: Request) -> None:
    """For changing routes. Raises RequestInvalid: a parameter or a body that the route does not read."""
    if request.method not in CHANGING:
        return
    refuse_unknown_parameters(request)
    route = request.scope["route"]
    if not _reads_a_body(route) and (await request.body()).strip() not in EMPTY_BODIES:
        raise RequestInvalid(
            (
                Violation(
                    field=WHOLE_BODY,
                    code="unexpected_body",
                    message=Text("this request takes no body", "у этого запроса нет тела"),
                    remedy=Text(
                        "Put options into the query: ?name=value.",
                        "Передайте параметры в адресе: ?имя=значение.",
                    ),
                ),
            )
        )


def refuse_unknown_parameters(request: Request) -> None:
    """Raises RequestInvalid naming each parameter of the query that the route does not have."""
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    known = _names(route.dependant)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        allowed = ", ".join(sorted(known)) or "-"
        raise RequestInvalid(
            tuple(
                Violation(
                    field=shown(name),
                    code="unknown_parameter",
                    message=Text(
                        f"is no parameter of this request (there are: {allowed})",
                        f"нет такого параметра (есть: {allowed})",
                    ),
                )
                for name in unknown
            )
        )


def _names(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_names(inner) for inner in dependant.dependencies))


def _reads_a_body(route: Any) -> bool:
    return "requestBody" in (route.openapi_extra or {}) or bool(route.dependant.body_params)
