"""Every ``code`` of the error body: its HTTP status, its title, and when to come back.

This is the one table of the product (docs/reference/errors.md is checked against it). A code that is raised
but has no row here is answered as INTERNAL, and a test keeps that from happening to any class of the tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kkt_adapter.kernel.errors import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    status: int
    title: Text  # also the detail where an error brings none
    retry_after_s: int | None = None  # header Retry-After, unless the error names its own


def _row(status: int, en: str, ru: str, *, retry_after_s: int | None = None) -> ErrorRow:
    return ErrorRow(status=status, title=Text(en, ru), retry_after_s=retry_after_s)


ROWS: Mapping[str, ErrorRow] = MappingProxyType(
    {
        # what the client can put right
        "VALIDATION_ERROR": _row(422, "The request does not fit", "Запрос не соответствует правилам"),
        "IDEMPOTENCY_KEY_REQUIRED": _row(
            422, "Header Idempotency-Key is required", "Нужен заголовок Idempotency-Key"
        ),
        "BAD_REQUEST": _row(400, "Something needed is missing", "Не хватает обязательных данных"),
        "UNAUTHORIZED": _row(401, "Not signed in", "Вход не выполнен"),
        "FORBIDDEN": _row(403, "Not allowed", "Недостаточно прав"),
        "NOT_FOUND": _row(404, "Not found", "Не найдено"),
        "NOT_ACCEPTABLE": _row(406, "Not in that form", "В таком виде нет"),
        "METHOD_NOT_ALLOWED": _row(405, "The path has no such method", "Метод не поддерживается"),
        "REQUEST_TIMEOUT": _row(408, "The body did not arrive in time", "Тело запроса не пришло вовремя"),
        "BODY_TOO_LARGE": _row(413, "The body is too large", "Тело запроса слишком велико"),
        "UNSUPPORTED_MEDIA_TYPE": _row(415, "The body must be JSON", "Тело запроса должно быть JSON"),
        "HEADERS_TOO_LARGE": _row(431, "The headers are too large", "Заголовки запроса слишком велики"),
        "RATE_LIMITED": _row(429, "Too many requests", "Слишком много запросов", retry_after_s=1),
        # what the state does not allow
        "CONFLICT": _row(409, "The state does not allow it", "Текущее состояние этого не допускает"),
        "IDEMPOTENCY_CONFLICT": _row(
            409, "The key belongs to another receipt", "Ключ уже занят другим чеком"
        ),
        "IDEMPOTENCY_IN_PROGRESS": _row(
            409,
            "The first request with this key is still at work",
            "Первый запрос с этим ключом ещё выполняется",
            retry_after_s=2,
        ),
        "REFUND_BLOCKED": _row(409, "The sale is not delivered yet", "Продажа ещё не передана в ОФД"),
        "KKT_OUTCOME_UNKNOWN": _row(
            409,
            "It is not known whether the register made the document",
            "Неизвестно, оформила ли касса документ",
        ),
        "KKT_PROTOCOL_ERROR": _row(
            409, "The register's answer could not be understood", "Ответ кассы не удалось разобрать"
        ),
        "KKT_REFUSED": _row(409, "The register refused", "Касса отказала"),
        "SHIFT_EXPIRED": _row(409, "The shift is older than 24 hours", "Смена длится более 24 часов"),
        "SYNC_IN_PROGRESS": _row(409, "A sync is running already", "Передача уже идёт"),
        "SYNC_ALREADY_RUNNING": _row(
            409, "A catalogue sync is running already", "Загрузка каталога уже идёт"
        ),
        "NOT_RUNNING": _row(409, "It is not running", "Сейчас не выполняется"),
        "RESYNC_NEEDED": _row(410, "The change feed does not reach back that far", "Лента изменений короче"),
        # what passes or is put right by an engineer
        "BUFFER_FULL": _row(503, "The buffer is full", "Буфер заполнен", retry_after_s=60),
        "KKT_BLOCKED": _row(503, "The register cannot fiscalise", "Касса не может оформлять чеки"),
        "KKT_UNAVAILABLE": _row(503, "The register does not answer", "Касса не отвечает"),
        "KKT_ERROR": _row(503, "The register failed", "Ошибка кассы"),
        "MAINTENANCE": _row(503, "Maintenance", "Ведутся работы"),
        "OVERLOADED": _row(503, "Too many requests at once", "Слишком много запросов сразу", retry_after_s=1),
        "NOT_READY": _row(503, "The service is not ready", "Служба не готова"),
        "STORAGE_ERROR": _row(503, "The database is not usable", "База данных недоступна"),
        "LEASE_LOST": _row(503, "Another node took over", "Работу принял другой узел", retry_after_s=1),
        "OFD_ERROR": _row(502, "The operator failed", "Ошибка ОФД"),
        "OFD_UNAVAILABLE": _row(502, "The operator does not answer", "ОФД не отвечает"),
        "OFD_PROTOCOL_ERROR": _row(
            502, "The operator's answer could not be understood", "Ответ ОФД не удалось разобрать"
        ),
        "OFD_REJECTED": _row(502, "The operator refused the document", "ОФД отклонил документ"),
        "SOURCE_NOT_CONFIGURED": _row(503, "No product source is set up", "Источник товаров не настроен"),
        "SOURCE_UNAVAILABLE": _row(502, "The product source does not answer", "Источник товаров не отвечает"),
        "SOURCE_AUTH_FAILED": _row(
            502, "The product source refused our credentials", "Источник товаров отклонил учётные данные"
        ),
        "SOURCE_THROTTLED": _row(
            503, "The product source asks to wait", "Источник товаров просит подождать", retry_after_s=60
        ),
        "INTERNAL": _row(500, "Internal error", "Внутренняя ошибка"),
    }
)

CODE_OF_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "BAD_REQUEST",
        401: "UNAUTHORIZED",
        403: "FORBIDDEN",
        404: "NOT_FOUND",
        405: "METHOD_NOT_ALLOWED",
        408: "REQUEST_TIMEOUT",
        413: "BODY_TOO_LARGE",
        415: "UNSUPPORTED_MEDIA_TYPE",
        422: "VALIDATION_ERROR",
        429: "RATE_LIMITED",
        431: "HEADERS_TOO_LARGE",
        503: "OVERLOADED",
    }
)
"""For refusals of the framework itself, which know a status only."""

INTERNAL_DETAIL = Text(
    "Something went wrong in the adapter. The id of this answer is in the log; give it to support.",
    "В адаптере произошла ошибка. Идентификатор этого ответа есть в журнале, передайте его поддержке.",
)
