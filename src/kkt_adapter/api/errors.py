"""From what the framework or a route raises to the error body."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope, Send

from kkt_adapter.api.error_codes import CODE_OF_STATUS
from kkt_adapter.api.negotiation import preferred
from kkt_adapter.api.problems import Problem, RefusedByStatus, RequestInvalid, problem
from kkt_adapter.api.schemas.findings import violations_of
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.log import get_logger

REQUEST_ID = "kkt.request_id"  # key in the ASGI scope

log = get_logger("api")

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_QUIET = frozenset({"NOT_FOUND", "METHOD_NOT_ALLOWED", "OVERLOADED", "RATE_LIMITED", "UNAUTHORIZED"})
_FRAMEWORK_DETAILS = {
    "NOT_FOUND": Text(
        "There is no such path. GET /docs lists all of them.", "Такого пути нет. Все пути: GET /docs."
    ),
    "BODY_TOO_LARGE": Text(
        "The body is larger than the adapter takes. Split the request.",
        "Тело запроса больше допустимого. Разделите запрос.",
    ),
    "REQUEST_TIMEOUT": Text(
        "The body did not arrive in time; nothing was stored. Send it again.",
        "Тело запроса не пришло вовремя, ничего не сохранено. Отправьте ещё раз.",
    ),
    "METHOD_NOT_ALLOWED": Text(
        "The path exists, but not with this method; header Allow names those it has.",
        "Путь есть, но не с этим методом; допустимые названы в заголовке Allow.",
    ),
}


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of routes and framework with the one error body."""
    app.add_exception_handler(AdapterError, _adapter_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


def answer_to(error: Exception, scope: Scope) -> Problem:
    """The error body for this request, and one line in the log."""
    accept_language = None
    for name, value in scope["headers"]:
        if name == b"accept-language":
            accept_language = value.decode("latin-1")
            break
    request_id = scope.get(REQUEST_ID) or random_id()
    answer = problem(error, language=preferred(accept_language), request_id=request_id)
    if answer.code == "INTERNAL":
        log.error("request_failed", path=scope["path"], exc_info=error)
    elif answer.code in _QUIET:
        log.debug("request_refused", path=scope["path"], code=answer.code)
    else:
        # the answer has the cause without paths and addresses
        cause = {"cause": str(error)} if answer.status >= 500 else {}
        log.info("request_refused", path=scope["path"], code=answer.code, status=answer.status, **cause)
    return answer


async def send_problem(send: Send, answer: Problem) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _response(request: Request, error: Exception, *, headers: Any = None) -> Response:
    answer = answer_to(error, request.scope)
    response = Response(answer.body, status_code=answer.status)
    response.raw_headers = [*answer.headers, *(headers or ())]
    return response


async def _adapter_error(request: Request, error: Exception) -> Response:
    return _response(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _response(request, RequestInvalid(violations_of(error.errors(), skip=1)))


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    fallback = "BAD_REQUEST" if error.status_code < 500 else "INTERNAL"
    code = CODE_OF_STATUS.get(error.status_code, fallback)
    detail = _FRAMEWORK_DETAILS.get(code, Text("", ""))
    allow = [(b"allow", _methods(request))] if code == "METHOD_NOT_ALLOWED" else []
    return _response(request, RefusedByStatus(code, detail.en, detail.ru), headers=allow)


def _methods(request: Request) -> bytes:
    """Every method that the path has, for ``Allow``; HEAD where GET is."""
    has = [method for method in _METHODS if _serves(request, method)]
    return ", ".join(["GET", "HEAD", *has[1:]] if has[:1] == ["GET"] else has).encode()


def _serves(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
