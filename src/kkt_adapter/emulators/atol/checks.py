"""The driver's own check of a receipt task: members, types and words. Unknown members pass, and are lost.

Source: docs/reference/atol.md, Checks (tried through the maker's own validator).
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from kkt_adapter.emulators.atol.machine import DriverError
from kkt_adapter.fiscal.kkt.atol import words

NOT_PARSED, WRONG_VAT = 501, 144
_PERCENTS = ["0", "5", "7", "10", "18", "20", "22", "105", "107", "110", "118", "120", "122"]
TAX_WORDS = frozenset(words.TAX.values()) | {"vat18", "vat118"}
_NEW_22, _NEW_5 = (10, 10, 8), (10, 10, 6)  # driver versions that know the rates
_FIRMWARE_22 = (5, 17, 0)
RATES_22, RATES_5 = frozenset({"vat22", "vat122"}), frozenset({"vat5", "vat7", "vat105", "vat107"})
_SUBJECTS = frozenset(words.SUBJECT.values()) | {"composite", "insuranceContributions", "touristTax"}


def bad(path: str, why: str) -> DriverError:
    return DriverError(NOT_PARSED, f'Ошибка разбора задания: "{path}" {why}')


def check_task(task: dict[str, Any], *, driver_version: str) -> None:
    """Raises DriverError(501): with the member's path."""
    if "taxationType" in task and task["taxationType"] not in words.TAXATION.values():
        raise bad("taxationType", "неизвестное значение")
    for name in ("electronically", "internet", "ignoreNonFiscalPrintErrors"):
        _boolean(task, name, name)
    if isinstance(task.get("operator"), dict) and not task["operator"].get("name"):
        raise bad("operator.name", "отсутствует")
    for name in ("items", "payments"):
        if not isinstance(task.get(name), list):
            raise bad(name, "отсутствует или не массив")
    for n, item in enumerate(task["items"]):
        _item(item, f"items[{n}]", driver_version)
    for n, payment in enumerate(task["payments"]):
        _word(payment, "type", f"payments[{n}].type", words.PAYMENT.values(), numbers=range(5))
        _number(payment, "sum", f"payments[{n}].sum")
    for n, tax in enumerate(task.get("taxes", ())):
        _tax(tax, f"taxes[{n}]", driver_version)
    for n, one in enumerate(task.get("paymentsAddInfo", ())):
        _number(one, "sum", f"paymentsAddInfo[{n}].sum")
        _number(one, "paymentMethod", f"paymentsAddInfo[{n}].paymentMethod")
        _text(one, "electronicallyId", f"paymentsAddInfo[{n}].electronicallyId")


def check_firmware(rates: Collection[str], firmware: str) -> None:
    """Raises DriverError(144): the register itself does not know a rate."""
    if RATES_22 & set(rates) and version(firmware) < _FIRMWARE_22:
        raise DriverError(WRONG_VAT, "Неверная налоговая ставка")


def tax_word(found: Any) -> str | None:
    """A word, or a bare percent: "20" is vat20."""
    if not isinstance(found, str):
        return None
    return f"vat{found}" if found in _PERCENTS else (found if found in TAX_WORDS else None)


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _item(item: Any, path: str, driver_version: str) -> None:
    kind = item.get("type") if isinstance(item, dict) else None
    match kind:
        case "position":
            for name in ("price", "quantity", "amount"):
                _number(item, name, f"{path}.{name}")
            _word(item, "paymentMethod", f"{path}.paymentMethod", words.METHOD.values(), numbers=range(1, 8))
            _word(item, "paymentObject", f"{path}.paymentObject", _SUBJECTS, numbers=range(1, 34))
            if "tax" in item:
                _tax(item["tax"], f"{path}.tax", driver_version)
            for n, industry in enumerate(item.get("industryInfo", ())):
                for name in ("fois", "date", "number", "industryAttribute"):
                    _text(industry, name, f"{path}.industryInfo[{n}].{name}")
        case "additionalAttribute":
            _text(item, "value", f"{path}.value")
            _boolean(item, "print", f"{path}.print")
        case "userAttribute":
            _text(item, "name", f"{path}.name")
            _text(item, "value", f"{path}.value")
        case "text" | "barcode" | "pictureFromMemory" | "pixels":
            pass
        case _:
            raise bad(f"{path}.type", "неизвестное значение")


def _tax(tax: Any, path: str, driver_version: str) -> None:
    word = tax_word(tax.get("type") if isinstance(tax, dict) else None)
    known = version(driver_version)
    if word is None or (word in RATES_22 and known < _NEW_22) or (word in RATES_5 and known < _NEW_5):
        raise bad(f"{path}.type", "неизвестное значение")


def _word(content: Any, name: str, path: str, known: Collection[str], *, numbers: range) -> None:
    found = content.get(name) if isinstance(content, dict) else None
    if found is None and name != "type":
        return
    as_number = isinstance(found, str) and found.isdigit() and int(found) in numbers
    if not isinstance(found, str) or not (found in known or as_number):
        raise bad(path, "неизвестное значение")


def _number(content: Any, name: str, path: str) -> None:
    found = content.get(name) if isinstance(content, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise bad(path, "отсутствует или не число")


def _text(content: Any, name: str, path: str) -> None:
    if not isinstance(content, dict) or not isinstance(content.get(name), str):
        raise bad(path, "отсутствует или не строка")


def _boolean(content: dict[str, Any], name: str, path: str) -> None:
    if name in content and not isinstance(content[name], bool):
        raise bad(path, "не логическое значение")
