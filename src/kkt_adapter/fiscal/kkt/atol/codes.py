"""Every code of ATOL's driver that is known: what it proves, and what a person does.

``error`` in a result proves nothing by itself: after a closing that failed the driver asks once whether the
document was closed and passes over a failure of that question. Only the codes of ``CERTAIN`` come from a live
register before the closing, or before anything was sent. All others, and all that are not listed, are
unknown outcomes: the FN decides.

Source: docs/reference/atol.md, Codes; the same table, with remedies, is in docs/how-to/atol.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kkt_adapter.kernel.errors import Text


class AtolReaction(StrEnum):
    """What the driver does with a code."""

    REFUSE = "refuse"  # the receipt's own data; nothing was fiscalised
    MARK = "mark"  # a marking code; nothing was fiscalised
    RETRY = "retry"  # not now; nothing was fiscalised
    PAPER = "paper"  # paper or printer: the FN's number is compared once
    SHIFT = "shift"  # older than 24 hours
    OPERATOR = "operator"  # the clock or a setting: a person; nothing was fiscalised
    BLOCKED = "blocked"  # registration or licence; nothing was fiscalised
    UNKNOWN = "unknown"  # only the FN knows what became of the document


CERTAIN = frozenset(
    {8, 12, 13, 16, 17, 35, 36, 52, 54, 61, 63, 66, 68, 73, 79, 80, 82, 83, 89, 96, 98}
    | {143, 144, 145, 146, 148, 158, 161, 189, 195, 198, 205, 216, 217, 219, 225, 227, 243}
    | set(range(401, 427))
    | {501, 502, 504}
)
"""Not fiscalised, even as plain ``error``."""

PAPER = frozenset({44, 45, 46, 114})
NO_DATA = 123  # the FN has no such document; with raw data also for archived ones
SHIFT_EXPIRED = 68
SHIFT_IS_CLOSED, SHIFT_IS_OPEN = 73, 83
NOT_PARSED, INTERRUPTED, SCRIPT_FAILED = 501, 502, 503
WRONG_VAT = 144
NO_AGENT = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverCode:
    code: int
    reaction: AtolReaction
    meaning: Text
    remedy: Text
    reason: str | None = None  # of KktBlocked


_REMEDY = {
    AtolReaction.REFUSE: Text("correct the receipt's data", "исправьте данные чека"),
    AtolReaction.MARK: Text(
        "check the marking code and the connection of the register with the marking system",
        "проверьте код маркировки и связь ККТ с ИСМ",
    ),
    AtolReaction.RETRY: Text("nothing to do: it is tried again", "ничего не делайте: попытка повторится"),
    AtolReaction.PAPER: Text("put paper in, close the cover", "заправьте бумагу, закройте крышку"),
    AtolReaction.SHIFT: Text("close the shift with a Z report", "закройте смену Z-отчётом"),
    AtolReaction.OPERATOR: Text(
        "close the shift and set the register's clock", "закройте смену и установите часы ККТ"
    ),
    AtolReaction.BLOCKED: Text("call the service centre", "вызовите ЦТО"),
    AtolReaction.UNKNOWN: Text(
        "nothing to do: the adapter asks the FN what became of the document",
        "ничего не делайте: адаптер выяснит по ФН, оформлен ли документ",
    ),
}

_C, _M, _T, _P, _S = (
    AtolReaction.REFUSE,
    AtolReaction.MARK,
    AtolReaction.RETRY,
    AtolReaction.PAPER,
    AtolReaction.SHIFT,
)
_O, _B, _U = AtolReaction.OPERATOR, AtolReaction.BLOCKED, AtolReaction.UNKNOWN

_LINK = (
    "check power and cable of the register; nothing else may hold its port",
    "проверьте питание и кабель ККТ; порт не должна занимать другая программа",
)
_EXCHANGE = ("restore the exchange with the operator", "восстановите обмен с ОФД")
_FN = ("call the service centre: the FN must be looked at", "вызовите ЦТО: нужна проверка ФН")
_NEWER = (
    "correct the receipt's data; 22 % needs driver 10.10.8 and firmware 5.17.0 or later: update them",
    "исправьте данные чека; для 22 % нужны драйвер не ниже 10.10.8 и прошивка не ниже 5.17.0",
)
_UEMA = (
    "start the service UEMA (uem-agent, uem-updater) on the PC of the web server",
    "запустите службу UEMA (uem-agent, uem-updater) на компьютере веб-сервера",
)
_LICENCE = (
    'buy and enter the licence "Web Requests" for this register',
    "приобретите и введите в ККТ лицензию на веб-сервер (Web Requests)",
)

_ROWS: tuple[tuple[int, AtolReaction, str, str], ...] = (
    (1, _U, "no connection is set up", "соединение не установлено"),
    (2, _U, "no link to the register", "нет связи с ККТ"),
    (3, _U, "the port is in use", "порт занят"),
    (4, _U, "the port cannot be opened", "порт недоступен"),
    (5, _U, "garbled data from the register", "некорректные данные от устройства"),
    (6, _U, "internal error of the driver", "внутренняя ошибка драйвера"),
    (8, _C, "a parameter is missing", "отсутствует обязательный параметр"),
    (10, _U, "not set up", "драйвер не настроен"),
    (
        11,
        _U,
        "not supported, or no service UEMA",
        "не поддерживается, или нет службы UEMA",
    ),
    (12, _T, "wrong mode of the register", "не поддерживается в данном режиме"),
    (13, _C, "wrong parameter", "неверное значение параметра"),
    (15, _U, "unknown error", "неизвестная ошибка"),
    (16, _C, "wrong price or sum", "неверная цена (сумма)"),
    (17, _C, "wrong quantity", "неверное количество"),
    (32, _U, "the Z report was interrupted", "прервано снятие отчёта с гашением"),
    (34, _U, "paper or printer error, printing goes on", "необходимо продолжить печать"),
    (35, _O, "check date and time", "проверьте дату и время"),
    (36, _O, "the clock is behind the FN", "дата и время в ККТ меньше, чем в ФН"),
    (44, _P, "no paper", "нет бумаги"),
    (45, _P, "the cover is open", "открыта крышка"),
    (46, _P, "fault of the printer", "ошибка принтера"),
    (52, _C, "cashless sums exceed the total", "сумма безналичных оплат больше суммы чека"),
    (54, _C, "the sum is too large", "переполнение суммы"),
    (55, _U, "the register is busy", "ККТ занята"),
    (61, _C, "the quantity is too large", "переполнение количества"),
    (63, _C, "wrong total", "неверный итог"),
    (66, _C, "not fully paid", "чек оплачен не полностью"),
    (68, _S, "the shift is older than 24 hours", "смена превысила 24 часа"),
    (73, _T, "the shift is closed", "смена закрыта"),
    (79, _C, "no change for cashless payments", "сдача с безналичной оплаты невозможна"),
    (80, _C, "not enough cash in the drawer", "в кассе нет наличных для выплаты"),
    (82, _T, "a receipt is open", "чек открыт"),
    (83, _T, "the shift is open", "смена открыта"),
    (89, _B, "the register is not fiscalised", "ККТ не фискализирована"),
    (96, _B, "denied by the licence", "запрещено лицензией"),
    (98, _C, "the document is too large", "документ слишком велик"),
    (114, _P, "the printer is too hot", "перегрев печатающей головки"),
    (115, _U, "exchange with the FN failed", "ошибка обмена с ФН"),
    (116, _U, "format of the FN", "ФН: ошибка формата"),
    (117, _U, "wrong state of the FN", "ФН: неверное состояние"),
    (118, _U, "fault of the FN", "ФН: неисправность"),
    (119, _U, "fault of the FN's cryptography", "ФН: ошибка КС"),
    (120, _U, "the FN has expired", "ФН: закончен срок эксплуатации"),
    (121, _U, "the FN's memory is full", "ФН: архив переполнен"),
    (122, _U, "wrong date or time for the FN", "ФН: неверные дата или время"),
    (123, _C, "the FN has no such data", "ФН: нет запрошенных данных"),
    (124, _U, "wrong parameter for the FN", "ФН: неверное значение параметра"),
    (135, _U, "no transport connection with the operator", "нет транспортного соединения с ОФД"),
    (136, _U, "resource of the FN's cryptography is used up", "исчерпан криптографический ресурс ФН"),
    (137, _U, "resource of the FN is used up", "исчерпан ресурс ФН"),
    (138, _U, "the operator's message was refused", "сообщение ОФД отклонено"),
    (139, _O, "unsent documents", "есть неотправленные документы"),
    (
        140,
        _U,
        "documents wait for 30 days",
        "исчерпан ресурс ожидания передачи (30 дней)",
    ),
    (141, _U, "the shift is older than 24 hours (FN)", "ФН: смена длится более 24 часов"),
    (142, _U, "time differs from the FN's", "ФН: разница времени"),
    (143, _C, "wrong tax system", "система налогообложения не задана при регистрации"),
    (144, _C, "wrong VAT rate", "неверная ставка НДС"),
    (145, _C, "wrong sign of the payment method", "неверный признак способа расчёта"),
    (146, _C, "wrong sign of the settlement", "неверный признак расчёта"),
    (151, _U, "the report was interrupted", "прервана печать отчёта"),
    (159, _U, "exchange with the FN was interrupted", "прервана операция с ФН"),
    (166, _U, "the FN was not found", "ФН не найден"),
    (177, _U, "closing of the receipt was interrupted", "прервано закрытие чека"),
    (178, _U, "a question to the FN was interrupted", "прерван запрос к ФН"),
    (189, _B, "the licence is missing", "нет лицензии"),
    (198, _O, "the clock is not set", "часы ККТ не синхронизированы"),
    (203, _U, "a document must be cancelled", "необходимо отменить документ"),
    (219, _C, "18 and 20 % in one receipt", "18 и 20 % в одном чеке"),
    (225, _B, "the register must be registered", "требуется регистрация ККТ"),
    (227, _C, "wrong sum", "неверная сумма"),
    (241, _U, "the connection was lost", "соединение потеряно"),
    (243, _C, "wrong sum of tax", "неверная сумма налога"),
    (249, _U, "the document was cancelled", "документ отменён"),
    (408, _M, "too many marking codes", "слишком много кодов маркировки"),
    (421, _M, "the check of the marking code took too long", "время проверки кода маркировки истекло"),
    (501, _C, "the driver cannot read the task", "драйвер не разобрал задание"),
    (502, _T, "interrupted by an earlier error", "прервано из-за предыдущих ошибок"),
    (
        503,
        _U,
        "the script failed, or it was cancelled",
        "ошибка скрипта драйвера или отмена задания",
    ),
    (504, _C, "the driver has no check for such a task", "нет валидатора задания"),
    (505, _U, "the web server failed", "сбой веб-сервера"),
)
_REMEDIES = (
    dict.fromkeys((1, 2, 3, 4, 5, 241), _LINK)
    | dict.fromkeys((135, 139, 140), _EXCHANGE)
    | dict.fromkeys((117, 118, 119, 120, 121, 136, 137, 166), _FN)
    | {144: _NEWER, 501: _NEWER, 11: _UEMA, 96: _LICENCE, 189: _LICENCE}
)
_REASONS = {89: "NOT_REGISTERED", 225: "NOT_REGISTERED"}


def _codes() -> dict[int, DriverCode]:
    return {
        code: DriverCode(
            code=code,
            reaction=reaction,
            meaning=Text(en, ru),
            remedy=Text(*_REMEDIES[code]) if code in _REMEDIES else _REMEDY[reaction],
            reason=_REASONS.get(code, "CONFIGURATION" if reaction is _B else None),
        )
        for code, reaction, en, ru in _ROWS
    }


CODES: Mapping[int, DriverCode] = MappingProxyType(_codes())


def code_of(code: int) -> DriverCode:
    """What is known of a code; one that nobody knows is an unknown outcome."""
    if code in CODES:
        return CODES[code]
    if 401 <= code <= 426:
        return DriverCode(
            code=code,
            reaction=_M,
            meaning=Text("marking error", "ошибка маркировки"),
            remedy=_REMEDY[_M],
        )
    reaction = _C if code in CERTAIN else _U
    return DriverCode(
        code=code,
        reaction=reaction,
        meaning=Text("not known", "неизвестная ошибка"),
        remedy=_REMEDY[reaction],
    )


def proves_absence(code: int) -> bool:
    """Whether ``error`` with this code means that no document was made."""
    return code in CERTAIN
