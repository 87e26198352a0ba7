"""Bodies of POS sessions and cash, and examples of their answers; every number in them is made up."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema

from kkt_adapter.api.schemas import values
from kkt_adapter.api.schemas.requests import PosId, Reason
from kkt_adapter.kernel.money import Kopecks

Json = dict[str, Any]

MAX_SESSION_ID = 128  # characters
CASH_KINDS: Final = {"cash_in": "cash_in", "cash_out": "cash_out"}

_MONEY: dict[str, Any] = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}],
    "description": "Rubles.",
}
_MONEY_OR_ZERO: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
    "description": "Rubles.",
}
_name = values.visible(MAX_SESSION_ID)


def _session_id(value: object) -> str | None:
    """A number is fine too: Odoo's sessions have numbers. An empty text is nothing said."""
    if value is None or (type(value) is str and not value.strip()):
        return None
    return _name(str(value) if type(value) is int and abs(value) < 10**18 else value)


def _counted(value: object) -> Kopecks | None:
    return None if value is None else values.amount_or_zero(value)


SessionId = Annotated[
    str | None,
    PlainValidator(_session_id),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 128}, {"type": "integer"}, {"type": "null"}]}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class OpenSessionBody(_Body):
    """``session_id`` is the till program's own; left out, the adapter makes one."""

    pos_id: PosId
    session_id: SessionId = None
    opening_cash: Annotated[
        Kopecks, PlainValidator(values.amount_or_zero), WithJsonSchema(_MONEY_OR_ZERO)
    ] = Kopecks(0)


class CloseSessionBody(_Body):
    """With ``session_id`` only that session is closed."""

    pos_id: PosId
    session_id: SessionId = None
    counted_cash: Annotated[
        Kopecks | None,
        PlainValidator(_counted),
        WithJsonSchema({**_MONEY_OR_ZERO, "description": "Rubles that a person counted in the drawer."}),
    ] = None


class CashBody(_Body):
    pos_id: PosId
    type: Annotated[
        str,
        PlainValidator(values.word(CASH_KINDS, "cash_in, cash_out")),
        WithJsonSchema({"type": "string", "enum": list(CASH_KINDS)}),
    ]
    amount: Annotated[Kopecks, PlainValidator(values.amount), WithJsonSchema(_MONEY)]
    reason: Reason


class ResolveCashBody(_Body):
    """What a person found out about a movement: it is in the register, or it is to be sent once more."""

    action: Literal["done", "send_again"]
    reason: Reason


RESOLVE_CASH_BODY: Final[Json] = {"action": "done", "reason": "Ордер внесения есть на ленте"}
CASH_AT_REGISTERS: Final[Json] = {
    "movements": [
        {
            "movement": 57,
            "pos_id": "POS-001",
            "register_id": "KKT-1",
            "type": "cash_in",
            "amount": 500.00,
            "reason": "Разменная монета",
            "created_at": "2026-03-14T09:26:53.000Z",
            "state": "unclear",
            "message": "после отправки внесений было 2, изъятий 0",
        }
    ]
}
CASH_RESOLVED: Final[Json] = {"movement": 57, "action": "done", "reason": "Ордер внесения есть на ленте"}
OPEN_SESSION_BODY: Final[Json] = {"pos_id": "POS-001", "session_id": "S-17", "opening_cash": 500}
CLOSE_SESSION_BODY: Final[Json] = {"pos_id": "POS-001", "session_id": "S-17", "counted_cash": 600}
CASH_BODY: Final[Json] = {"pos_id": "POS-001", "type": "cash_out", "amount": 300, "reason": "Инкассация"}
SESSION: Final[Json] = {
    "session_id": "S-17",
    "pos_id": "POS-001",
    "register_id": "POS-001",
    "status": "open",
    "opened_at": "2026-03-14T09:00:00.000Z",
    "closed_at": None,
    "opening_cash": 500.00,
    "cash_balance": 600.00,
    "card_balance": 500.00,
    "total_sales": 600.00,
    "total_refunds": 0.00,
    "cash_in": 0.00,
    "cash_out": 0.00,
    "receipt_count": 2,
    "z_report": None,
    "counted_cash": None,
    "cash_difference": None,
}
CLOSED_SESSION: Final[Json] = SESSION | {
    "status": "closed",
    "closed_at": "2026-03-14T20:00:00.000Z",
    "counted_cash": 600.00,
    "cash_difference": 0.00,
}
