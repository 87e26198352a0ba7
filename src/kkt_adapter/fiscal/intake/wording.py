"""What an accepted receipt's answer says, in both languages.

The answer is stored in Russian and replayed byte for byte; who ranks English first gets the same facts with
English texts.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import ReceiptWarning
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import AdapterError, Text

STATES: Mapping[PrintState, Text] = MappingProxyType(
    {
        PrintState.PRINTING: Text("The receipt is stored and being printed.", "Чек сохранён, идёт печать."),
        PrintState.PRINT_UNKNOWN: Text(
            "The receipt is stored; whether it was printed is being found out from the FN.",
            "Чек сохранён; исход печати выясняется по ФН.",
        ),
        PrintState.PRINT_FAILED: Text(
            "The receipt is stored; the register refused to print it, last_error of the receipt says why.",
            "Чек сохранён; ККТ отказала в печати, причина — в last_error чека.",
        ),
    }
)


def not_printed_yet(trouble: AdapterError | None, hold: RegisterHold | None = None) -> Text:
    """Why a receipt waits; ``trouble`` and ``hold`` are its register's."""
    if hold is not None and hold.mode is HoldMode.HOLD:
        return Text(
            f"The receipt is stored and will be printed when the register is released: {hold.reason}",
            f"Чек сохранён и будет напечатан, когда ККТ вернут в работу: {hold.reason}",
        )
    if trouble is None:
        return Text("The receipt is stored and waits to be printed.", "Чек сохранён и ждёт печати.")
    cause = discreet(trouble, trouble.detail)
    return Text(
        f"The receipt is stored and will be printed when the register is ready: {cause.en}",
        f"Чек сохранён и будет напечатан, когда ККТ будет готова: {cause.ru}",
    )


def in_english(body: bytes, *, reason: Text | None, warnings: tuple[ReceiptWarning, ...]) -> bytes:
    """An answer with its texts in English; ``reason`` is None for a printed receipt."""
    answer = jsontext.decode(body)
    if reason is not None:
        answer["message"] = reason.en
    elif answer["fiscal_doc"] is not None:
        doc = answer["fiscal_doc"]
        number, shift = doc["fiscal_doc_number"], doc["shift_number"]
        answer["message"] = f"The receipt is printed: FD No. {number}, shift {shift}."
    answer["warnings"] = [
        {"code": w.code, "field": w.field, "tag": w.tag, "message": w.message.en} for w in warnings
    ]
    return jsontext.encode(answer).encode()
