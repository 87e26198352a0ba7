"""What a command asks for, as the client sent it: the part that two presses of one button have in common.

Compared under a repeated IdCommand, and without any by the content guard. Spelling does not count: letter
case of names, ``"3.000"`` and 3, ``null`` and absent. Text for the paper, the cashier, time-outs and the
register do not either: one client prints its IdCommand on every receipt (alexanderfefelov/kkmserver-api).
"""

import hashlib
from typing import Any

from kkt_adapter.api.doors.kkmserver.command import Command, Does
from kkt_adapter.api.doors.kkmserver.fields import Fields, folded, names
from kkt_adapter.api.doors.kkmserver.payments import OLD_CARD_SUMS, SUM_FIELDS
from kkt_adapter.kernel import jsontext

_OF_A_RECEIPT = (
    "CorrectionType",
    "CorrectionBaseDate",
    "CorrectionBaseNumber",
    "ClientAddress",
)
_OLD_SUMS = ("Amount", *OLD_CARD_SUMS)
_NUMBERS_OF_A_LINE = ("Quantity", "Price", "Amount", "Tax", "SignMethodCalculation", "SignCalculationObject")
_OF_A_CODE = ("BarCode", "GTIN", "SerialNumber")
_CASH = (Does.CASH_IN, Does.CASH_OUT)
_SELDOM = names(*_OF_A_RECEIPT, *_OLD_SUMS)
_SELDOM_OF_A_LINE = names("GoodCodeData", "NomenclatureCode")
_NOT_SAID = (None,) * (len(_OF_A_CODE) + 1)


def content_hash(command: Command) -> bytes:
    """SHA-256 over command, money and goods. Raises CommandRefused for what cannot be read."""
    return hashlib.sha256(jsontext.encode(_content(command)).encode()).digest()


def _content(command: Command) -> dict[str, Any]:
    fields = command.fields
    found: dict[str, Any] = {"command": str(command.does)}
    if command.does in _CASH:
        return found | {"amount": fields.spelled(("Amount",))[0]}
    if command.does is not Does.RECEIPT:
        return found
    found["type"] = fields.whole("TypeCheck") or 0
    found["sums"] = fields.spelled(SUM_FIELDS)
    if fields.has_any(_SELDOM):
        old = zip(map(folded, _OLD_SUMS), fields.spelled(_OLD_SUMS), strict=True)
        found["old_sums"] = sorted([name, number] for name, number in old if number != "0")
        found["about"] = [fields.text(name) for name in _OF_A_RECEIPT]
    else:
        found["old_sums"], found["about"] = [], [None] * len(_OF_A_RECEIPT)
    registers = (element.object("Register") for element in fields.objects("CheckStrings"))
    found["lines"] = [_line(register) for register in registers if register is not None]
    return found


def _line(register: Fields) -> list[str | None]:
    line = [register.text("Name"), *register.spelled(_NUMBERS_OF_A_LINE)]
    if not register.has_any(_SELDOM_OF_A_LINE):
        return [*line, *_NOT_SAID]
    code = register.object("GoodCodeData")
    line += [None if code is None else code.text(name) for name in _OF_A_CODE]
    return [*line, register.text("NomenclatureCode")]
