"""What a client is told of a request that never became one."""

from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.wire.connections import Refusal
from kkt_adapter.api.wire.limits import WireLimits


def refused(refusal: Refusal, limits: WireLimits) -> RefusedByStatus:
    """The error of a refusal that is answered."""
    match refusal:
        case Refusal.HEAD_TOO_LARGE:
            return RefusedByStatus(
                "HEADERS_TOO_LARGE",
                f"The request line and headers are over {limits.head_bytes} bytes, the path over "
                f"{limits.target_bytes}, or there are more than {limits.headers} headers.",
                f"Строка запроса с заголовками больше {limits.head_bytes} байт, путь больше "
                f"{limits.target_bytes} или заголовков больше {limits.headers}.",
            )
        case Refusal.HEAD_LATE | Refusal.BODY_LATE:
            return RefusedByStatus(
                "REQUEST_TIMEOUT",
                "The request did not arrive in time; nothing was stored. Send it again.",
                "Запрос не пришёл вовремя, ничего не сохранено. Отправьте ещё раз.",
            )
        case Refusal.TOTAL | Refusal.ADDRESS:
            return RefusedByStatus(
                "OVERLOADED",
                "There are too many open connections. Close some and come again in a second.",
                "Слишком много открытых соединений. Закройте лишние и повторите через секунду.",
            )
    return RefusedByStatus(
        "BAD_REQUEST",
        "This is not a request of HTTP/1.1 that can be understood.",
        "Это не запрос HTTP/1.1, который можно разобрать.",
    )
