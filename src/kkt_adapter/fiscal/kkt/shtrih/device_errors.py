"""Every error code that a Shtrih-M register is known to give: what it means, what we do, what a person does.

Codes below 20h and from A0h to B2h come from the FN (its codes from 32h on are shifted to A0h and up).

Source: docs/reference/shtrih-m.md, Errors; the same table, with remedies, is in docs/how-to/shtrih-m.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kkt_adapter.kernel.errors import Text


class ShtrihReaction(StrEnum):
    """What the driver does with an error."""

    WAIT = "wait"  # the previous command is still printing: not executed, asked again
    PAPER = "paper"  # paper or printer: a person, then printing goes on
    SHIFT = "shift"  # the shift must be closed or opened first
    REFUSE = "refuse"  # the receipt's own data; nothing was fiscalised
    OPERATOR = "operator"  # a setting or the clock: a person
    BLOCKED = "blocked"  # the FN or the registration: no receipts until it is replaced or delivered
    SERVICE = "service"  # hardware or firmware
    UNKNOWN = "unknown"  # after a command that makes a document only the FN knows what became of it
    ABSENT = "absent"  # nothing there: a normal answer to a question


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceError:
    code: int
    reaction: ShtrihReaction
    meaning: Text
    remedy: Text
    reason: str | None = None  # of KktBlocked, where it is one of its closed set


_REMEDY = {
    ShtrihReaction.WAIT: Text("wait: the register is printing", "подождите: ККТ печатает"),
    ShtrihReaction.PAPER: Text(
        "put paper in, close the cover; the register goes on by itself",
        "заправьте бумагу, закройте крышку; ККТ продолжит сама",
    ),
    ShtrihReaction.SHIFT: Text("close the shift with a Z report", "закройте смену Z-отчётом"),
    ShtrihReaction.REFUSE: Text("correct the receipt's data", "исправьте данные чека"),
    ShtrihReaction.OPERATOR: Text("look at the register's settings", "проверьте настройки ККТ"),
    ShtrihReaction.BLOCKED: Text(
        "call the service centre: the FN must be replaced", "вызовите ЦТО: нужна замена ФН"
    ),
    ShtrihReaction.SERVICE: Text(
        "switch the register off and on; if it stays, call the service centre",
        "выключите и включите ККТ; если не помогло, вызовите ЦТО",
    ),
    ShtrihReaction.UNKNOWN: Text(
        "nothing to do: the adapter asks the FN what became of the document",
        "ничего не делайте: адаптер выяснит по ФН, оформлен ли документ",
    ),
    ShtrihReaction.ABSENT: Text("nothing to do", "ничего делать не нужно"),
}

_DELIVERY = ("restore the exchange with the operator", "восстановите обмен с ОФД")
_CLOCK = (
    "close the shift and set the register's clock (kkt-adapter registers test shows the difference)",
    "закройте смену и установите часы ККТ (разницу показывает kkt-adapter registers test)",
)
_PASSWORD = (
    "set password (table 2 of the register) or admin_password in kkt-adapter.toml and restart",
    "укажите password (таблица 2 ККТ) или admin_password в kkt-adapter.toml и перезапустите",
)

_W, _P, _S, _C = ShtrihReaction.WAIT, ShtrihReaction.PAPER, ShtrihReaction.SHIFT, ShtrihReaction.REFUSE
_O, _B, _F, _U = (
    ShtrihReaction.OPERATOR,
    ShtrihReaction.BLOCKED,
    ShtrihReaction.SERVICE,
    ShtrihReaction.UNKNOWN,
)

_ROWS: tuple[tuple[int, ShtrihReaction, str, str], ...] = (
    (0x01, _F, "the FN does not know the command", "ФН: неизвестная команда или неверный формат"),
    (0x02, _U, "wrong state of the FN", "ФН: неверное состояние"),
    (0x03, _U, "fault of the FN", "ФН: отказ"),
    (0x04, _F, "fault of the FN's cryptography", "ФН: отказ криптографического сопроцессора"),
    (0x05, _B, "the FN has expired", "закончен срок эксплуатации ФН"),
    (0x06, _B, "the FN's archive is full", "архив ФН переполнен"),
    (0x07, _O, "wrong date or time", "неверные дата или время"),
    (0x08, ShtrihReaction.ABSENT, "the FN has no such data", "запрошенных данных нет в архиве ФН"),
    (0x09, _C, "a parameter of the FN command has a wrong value", "неверные параметры команды ФН"),
    (0x0B, _C, "a requisite is not allowed here", "ФН: реквизит недопустим"),
    (0x0C, _C, "a requisite is given twice", "ФН: данные повторяются"),
    (0x0D, _C, "data for the counters are missing", "ФН: нет данных для счётчиков"),
    (0x0E, _C, "too many lines in the receipt", "ФН: слишком много предметов расчёта"),
    (0x10, _C, "the TLV is too large", "размер TLV данных превышен"),
    (0x11, _F, "no transport connection to the operator", "нет транспортного соединения с ОФД"),
    (0x12, _B, "the FN's cryptographic resource is used up", "исчерпан криптографический ресурс ФН"),
    (0x14, _B, "the FN's store for the operator is full", "исчерпан ресурс хранения документов для ОФД"),
    (0x15, _B, "a document has waited for the operator for 30 days", "документ не передан в ОФД 30 дней"),
    (0x16, _S, "the shift is open for more than 24 hours", "смена длится более 24 часов"),
    (
        0x17,
        _O,
        "the clocks of register and FN differ by over 5 minutes",
        "разница времени ККТ и ФН более 5 минут",
    ),
    (0x18, _C, "a requisite is refused", "ФН: реквизит отвергнут"),
    (0x19, _C, "a requisite contradicts the registration", "реквизит не соответствует регистрации"),
    (0x20, _F, "the operator's message cannot be accepted", "сообщение ОФД не может быть принято"),
    (0x23, _F, "the key update service has refused", "сервис обновления ключей: отрицательный ответ"),
    (0x24, _F, "unknown answer of the key update service", "сервис обновления ключей: неизвестный ответ"),
    (0x2E, _C, "not enough cash for the pay-out", "в ККТ нет денег для выплаты"),
    (0x2F, _U, "the FN does not answer", "ФН не отвечает"),
    (0x30, _U, "the FN answers NAK", "ФН отвечает NAK"),
    (0x31, _U, "the FN's answer has a wrong format", "ФН: ошибка формата"),
    (0x32, _U, "the FN's answer has a wrong check code", "ФН: ошибка контрольной суммы"),
    (0x33, _C, "wrong parameters of the command", "некорректные параметры в команде"),
    (0x34, ShtrihReaction.ABSENT, "no data", "нет данных"),
    (0x35, _C, "wrong parameter for these settings", "некорректный параметр при данных настройках"),
    (0x36, _C, "wrong parameters for this model", "некорректные параметры для данной реализации ККТ"),
    (0x37, _F, "the command is not supported", "команда не поддерживается"),
    (0x39, _U, "internal error of the firmware", "внутренняя ошибка ПО ККТ"),
    (0x3C, _S, "the shift is open: operation impossible", "смена открыта, операция невозможна"),
    (0x3D, _S, "the shift is closed: operation impossible", "смена не открыта, операция невозможна"),
    (0x41, _C, "overflow of cash payments", "переполнение накопления наличными"),
    (0x42, _C, "overflow of payments of kind 2", "переполнение накопления по типу оплаты 2"),
    (0x43, _C, "overflow of payments of kind 3", "переполнение накопления по типу оплаты 3"),
    (0x44, _C, "overflow of payments of kind 4", "переполнение накопления по типу оплаты 4"),
    (0x45, _C, "the payments are less than the total", "сумма всех типов оплаты меньше итога чека"),
    (0x46, _C, "not enough cash in the register", "не хватает наличности в кассе"),
    (0x48, _C, "overflow of the receipt's total", "переполнение итога чека"),
    (
        0x49,
        _C,
        "wrong operation for this kind of receipt",
        "операция невозможна в открытом чеке данного типа",
    ),
    (0x4A, _U, "a receipt is open: operation impossible", "открыт чек, операция невозможна"),
    (0x4B, _C, "the receipt's buffer is full", "буфер чека переполнен"),
    (0x4D, _C, "cashless payments exceed the total", "безналичная оплата больше итога чека"),
    (0x4E, _S, "the shift is older than 24 hours", "смена превысила 24 часа"),
    (0x4F, _O, "wrong password", "неверный пароль"),
    (0x50, _W, "the previous command is still printing", "идёт печать результатов предыдущей команды"),
    (0x55, _U, "the receipt is closed: operation impossible", "чек закрыт, операция невозможна"),
    (0x56, ShtrihReaction.ABSENT, "there is no document to print again", "нет документа для повтора"),
    (0x58, _P, "waits for the command to go on printing", "ожидание команды продолжения печати"),
    (0x59, _U, "the document was opened by another operator", "документ открыт другим оператором"),
    (0x5C, _U, "low voltage", "понижено напряжение питания"),
    (0x5E, _C, "wrong operation", "неверная операция"),
    (0x5F, _C, "negative total", "отрицательный итог чека"),
    (0x60, _C, "overflow of a product", "переполнение при умножении"),
    (0x61, _C, "overflow of a price", "переполнение диапазона цены"),
    (0x62, _C, "overflow of a quantity", "переполнение диапазона количества"),
    (0x63, _C, "overflow of a department", "переполнение диапазона отдела"),
    (0x67, _U, "no connection to the FN", "нет связи с ФН"),
    (0x6B, _P, "no receipt paper", "нет чековой ленты"),
    (0x6C, _P, "no journal paper", "нет контрольной ленты"),
    (0x71, _P, "fault of the cutter", "ошибка отрезчика"),
    (
        0x72,
        _P,
        "the command is not possible in this sub-mode",
        "команда не поддерживается в данном подрежиме",
    ),
    (0x73, _U, "the command is not possible in this mode", "команда не поддерживается в данном режиме"),
    (0x74, _F, "fault of the memory", "ошибка ОЗУ"),
    (0x75, _U, "fault of the power supply", "ошибка питания"),
    (0x76, _P, "printer: no pulses of the tachometer", "ошибка печати: нет импульсов с тахогенератора"),
    (0x77, _P, "printer: no signal of the sensors", "ошибка печати: нет сигнала с датчиков"),
    (0x7B, _F, "fault of the hardware", "ошибка оборудования"),
    (0x7C, _O, "the date does not fit", "не совпадает дата"),
    (0x7F, _C, "overflow of the total", "переполнение диапазона итога"),
    (0x80, _U, "no connection to the fiscal memory", "ошибка связи с ФП"),
    (0x81, _U, "no connection to the fiscal memory", "ошибка связи с ФП"),
    (0x82, _U, "no connection to the fiscal memory", "ошибка связи с ФП"),
    (0x83, _U, "no connection to the fiscal memory", "ошибка связи с ФП"),
    (0x8D, _C, "the receipt's total is zero", "нулевой итог чека"),
    (0x8E, _C, "the receipt's total is zero", "нулевой итог чека"),
    (0x8F, _B, "the register is not registered", "ККТ не фискализирована"),
    (0x93, _U, "the memory was restored after a failure", "восстановление ОЗУ после сбоя"),
    (0x94, _C, "too many operations in the receipt", "исчерпан лимит операций в чеке"),
    (0xA0, _C, "FN: marked goods are forbidden", "ФН: работа с маркированными товарами запрещена"),
    (
        0xA1,
        _C,
        "FN: marking commands in a wrong order",
        "ФН: неверная последовательность команд по маркировке",
    ),
    (
        0xA2,
        _C,
        "FN: marked goods are blocked for a while",
        "ФН: работа с маркированными товарами заблокирована",
    ),
    (0xA3, _C, "FN: the table of checked codes is full", "ФН: таблица проверки кодов маркировки переполнена"),
    (0xAA, _C, "FN: data of the marking code are incomplete", "ФН: в блоке TLV нет нужных реквизитов"),
    (0xAC, _C, "FN: the marking code was not checked", "ФН: код маркировки не проверялся"),
    (0xC0, _O, "date and time must be confirmed", "контроль даты и времени: подтвердите дату и время"),
    (0xC8, _P, "no connection to the printer", "нет связи с принтером"),
    (0xC9, _P, "the print head is too hot", "перегрев печатающей головки"),
    (0xCA, _P, "temperature out of range", "температура вне допустимого диапазона"),
    (0xCF, _O, "the clock was reset", "часы сброшены: установите дату и время"),
    (
        0xD3,
        _C,
        "the marked item is withdrawn or its code is wrong",
        "товар с кодом маркировки выбыл или код неверен",
    ),
    (0xD4, _C, "the marking code is forged", "контрафактный код маркировки"),
)

_REMEDIES: dict[int, tuple[str, str]] = {
    0x07: _CLOCK,
    0x17: _CLOCK,
    0x7C: _CLOCK,
    0xC0: _CLOCK,
    0xCF: _CLOCK,
    0x14: _DELIVERY,
    0x15: _DELIVERY,
    0x11: _DELIVERY,
    0x4F: _PASSWORD,
    0x8F: ("register it with the tax office", "зарегистрируйте ККТ в ФНС"),
    0x45: ("payments must make up the total", "сумма оплат должна равняться итогу"),
    0x4B: ("split the receipt", "разделите чек на несколько"),
    0x94: ("split the receipt", "разделите чек на несколько"),
    0x0E: ("split the receipt", "разделите чек на несколько"),
    0x3D: ("open the shift", "откройте смену"),
    0x58: ("printing goes on by itself once there is paper", "печать продолжится, когда будет бумага"),
    0xD3: ("do not sell this item", "не продавайте этот товар"),
    0xD4: ("do not sell this item", "не продавайте этот товар"),
}
_REASONS = {
    0x05: "FN_EXPIRED",
    0x12: "FN_EXPIRED",
    0x06: "FN_FULL",
    0x14: "FN_UNSENT_LIMIT",
    0x15: "FN_UNSENT_LIMIT",
    0x8F: "NOT_REGISTERED",
}

FN_SHIFTED = range(0xA0, 0xC0)  # FN codes from 32h on; B9h was met as an answer to FF45: refused


def _error(code: int, reaction: ShtrihReaction, en: str, ru: str) -> DeviceError:
    remedy = Text(*_REMEDIES[code]) if code in _REMEDIES else _REMEDY[reaction]
    return DeviceError(
        code=code, reaction=reaction, meaning=Text(en, ru), remedy=remedy, reason=_REASONS.get(code)
    )


ERRORS: Mapping[int, DeviceError] = MappingProxyType({row[0]: _error(*row) for row in _ROWS})

STILL_PRINTING = 0x50
WAITS_FOR_CONTINUE = 0x58
WRONG_PASSWORD = 0x4F
OTHER_OPERATOR = 0x59
NO_DATA = 0x08
NOT_SUPPORTED = 0x37
WRONG_MODE = 0x73


def error_of(code: int) -> DeviceError:
    """What a code means; an unknown one is refused when the FN may have said it, else unknown in outcome."""
    known = ERRORS.get(code)
    if known is not None:
        return known
    reaction = ShtrihReaction.REFUSE if code in FN_SHIFTED else ShtrihReaction.UNKNOWN
    return _error(code, reaction, "an error that is in no list", "ошибка, которой нет в списках")


def shown(code: int, sub_code: int | None = None) -> Text:
    """``4Fh wrong password``, with the sub-code where the device has given one."""
    error = error_of(code)
    number = f"{code:02X}h" if sub_code is None else f"{code:02X}h/{sub_code}"
    return Text(f"{number} {error.meaning.en}", f"{number} {error.meaning.ru}")
