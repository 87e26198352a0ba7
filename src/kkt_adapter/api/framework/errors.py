"""What the framework and its routes raise, answered with the one error body."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from kkt_adapter.api.error_codes import CODE_OF_STATUS
from kkt_adapter.api.errors import answer_to
from kkt_adapter.api.problems import RefusedByStatus, RequestInvalid
from kkt_adapter.api.schemas.findings import violations_of
from kkt_adapter.kernel.errors import AdapterError, Text

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
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
