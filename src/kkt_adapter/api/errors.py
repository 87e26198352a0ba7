"""From what a route raises to the error body."""

from starlette.types import Scope, Send

from kkt_adapter.api.negotiation import preferred
from kkt_adapter.api.problems import Problem, problem
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.log import get_logger

REQUEST_ID = "kkt.request_id"  # key in the ASGI scope

log = get_logger("api")

_QUIET = frozenset({"NOT_FOUND", "METHOD_NOT_ALLOWED", "OVERLOADED", "RATE_LIMITED", "UNAUTHORIZED"})


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
