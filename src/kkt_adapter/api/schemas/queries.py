"""Values of a query, stricter than the framework's own; a refusal says the allowed range."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.kernel.errors import Text

MOST_DIGITS = 18

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}\Z")
_EUROS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?\Z")


@dataclass(frozen=True, slots=True)
class Whole:
    """Metadata: a whole number from ``low`` to ``high``, written in decimal digits and nothing else."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def _checked(self, value: object) -> int:
        if isinstance(value, str) and _WHOLE.match(value):
            value = int(value)
        elif isinstance(value, Decimal) and value.is_finite() and value.adjusted() < MOST_DIGITS:
            value = int(value) if value == int(value) else value  # 3.0 in a body is 3
        if type(value) is not int or not self.low <= value <= self.high:
            raise Refused(
                "out_of_range",
                Text(
                    f"must be a whole number from {self.low} to {self.high}",
                    f"должно быть целым числом от {self.low} до {self.high}",
                ),
            )
        return value


@dataclass(frozen=True, slots=True)
class Euros:
    """Metadata: an amount of euros with at most two decimals; the value is cents."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._cents, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,2})?$", "example": "4.99"}

    def _cents(self, value: object) -> int:
        written = _EUROS.match(value) if isinstance(value, str) else None
        if written is None:
            raise Refused(
                "not_an_amount",
                Text(
                    "must be an amount from 0 to 999999999999.99, as 4.99",
                    "должно быть суммой от 0 до 999999999999.99, например 4.99",
                ),
            )
        return int(written[1]) * 100 + int((written[2] or "").ljust(2, "0"))
