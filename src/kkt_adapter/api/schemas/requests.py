"""Bodies, query and path values of everything but the receipt itself."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from starlette.requests import Request

from kkt_adapter.api.entry.keys import KEY_FORM, optional_key_in
from kkt_adapter.api.schemas import values
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.kernel.errors import ReceiptNotFound, Text

MAX_ROW_ID = 2**63 - 1
MIN_CAPACITY = 50  # receipts; a smaller buffer would stop sales at the first hiccup
MAX_MAINTENANCE_MINUTES = 7 * 24 * 60

_RECEIPT_ID = re.compile(r"[0-9A-Za-z-]{1,64}\Z")


def optional_idempotency_key(request: Request) -> str | None:
    """The header where it may be left out. Raises RequestInvalid as ``entry.keys.key_in``."""
    return optional_key_in(request.scope["headers"])


def _known_form(receipt_id: str) -> str:
    if _RECEIPT_ID.match(receipt_id) is None:
        raise ReceiptNotFound("There is no receipt with this id.", "Чека с таким идентификатором нет.")
    return receipt_id


async def receipt_id_of(
    receipt_id: Annotated[str, Path(description="Id from the answer of the POST.")],
) -> str:
    """A dependency: text that cannot be an id is an unknown one. Raises ReceiptNotFound."""
    return _known_form(receipt_id)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Refused("bad_date", Text("is out of range", "вне допустимых пределов")) from None


def _key_text(text: str) -> str:
    if KEY_FORM.match(text) is None:
        raise Refused(
            "bad_text",
            Text(
                "must be 1 to 128 visible ASCII characters", "должно быть от 1 до 128 видимых символов ASCII"
            ),
        )
    return text


_till = values.visible(64)

DeadLetterId = Annotated[int, Path(ge=1, le=MAX_ROW_ID)]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many entries.")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Cursor = Annotated[
    str | None, Query(pattern="^[0-9A-Za-z_=.:-]{1,200}$", description="next_cursor of the page before.")
]
Since = Annotated[
    datetime | None,
    AfterValidator(lambda t: t and _in_utc(t)),
    Query(description="RFC 3339; without a zone: UTC."),
]
Till = Annotated[str | None, AfterValidator(lambda t: t and _till(t)), Query(description="The till.")]
KeyQuery = Annotated[str, AfterValidator(_key_text), Query(description="The Idempotency-Key of the POST.")]
EventName = Annotated[str | None, Query(pattern="^[a-z_]{1,64}$", alias="type", description="Event type.")]
LevelName = Annotated[Literal["info", "warning", "error"] | None, Query()]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


def _or_none(reading: Callable[[object], str | None]) -> Callable[[object], str | None]:
    return lambda value: None if value is None else reading(value)


def _said(value: object) -> object:
    """An empty text is nothing said."""
    return None if type(value) is str and not value.strip() else value


PosId = Annotated[
    str, PlainValidator(_till), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64})
]
Reason = Annotated[
    str,
    PlainValidator(values.text(500)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500}),
]
QuestionVersion = Annotated[
    str | None,
    PlainValidator(_or_none(values.identifier(128))),
    WithJsonSchema({"type": "string", "maxLength": 128}),
    Field(
        description="``version`` of the question that was looked at; 409 when documents came in since. "
        "Without it the question as it was asked last counts."
    ),
]
"""Which question a decision answers."""
_TEXT_OR_NUMBER: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}


class ReportBody(_Body):
    """Both may be left out while there is one register."""

    pos_id: Annotated[PosId | None, BeforeValidator(_said)] = None
    session_id: Annotated[
        str | None,
        PlainValidator(_or_none(values.identifier(128))),
        WithJsonSchema(_TEXT_OR_NUMBER),
    ] = None


class ResolveReportBody(_Body):
    """What a person found out about a shift opening or a Z report whose outcome was unknown."""

    pos_id: Annotated[PosId | None, BeforeValidator(_said)] = None
    action: Literal["adopt", "do_again"]
    fiscal_doc_number: Annotated[int, Field(strict=True, ge=1, le=2**32 - 1)] | None = None
    reason: Reason
    question_version: QuestionVersion = None


class RefundCheckBody(_Body):
    """The sale: its fiscal_doc_id, receipt id or fiscal document number."""

    original_fiscal_doc_id: Annotated[
        str | None,
        PlainValidator(_or_none(values.identifier(128))),
        WithJsonSchema(_TEXT_OR_NUMBER),
    ] = None
    original_receipt_id: Annotated[
        str | None,
        PlainValidator(_or_none(values.identifier(128))),
        WithJsonSchema(_TEXT_OR_NUMBER),
    ] = None


class ReprintBody(_Body):
    """Needed only where a shop was told that its receipt failed."""

    reason: Annotated[
        str | None,
        PlainValidator(_or_none(values.text(500))),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500}),
    ] = None


class ResolveReceiptBody(_Body):
    """What a person found out about a document whose outcome was unknown."""

    action: Literal["adopt", "print_again"]
    fiscal_doc_number: Annotated[int, Field(strict=True, ge=1, le=2**32 - 1)] | None = None
    reason: Reason
    question_version: QuestionVersion = None


LetterOutcomeName = Annotated[
    Literal["delivered_otherwise", "written_off"] | None,
    Field(
        description="delivered_otherwise: the operator has it by another way, a refund is free; "
        "written_off: the operator does not have it, a refund needs refund_force_reason. Left out: "
        "written_off, with a warning."
    ),
]


class LetterFilterBody(_Body):
    """Which open dead letters; {}: all of them."""

    register_id: Annotated[
        str | None, PlainValidator(_or_none(values.identifier(64))), WithJsonSchema({"type": "string"})
    ] = None
    pos_id: Annotated[PosId | None, BeforeValidator(_said)] = None
    error: Annotated[
        str | None,
        PlainValidator(_or_none(values.optional_text(200))),
        WithJsonSchema({"type": "string", "maxLength": 200}),
        Field(description="A part of the last error."),
    ] = None
    failed_since: AwareDatetime | None = None
    failed_until: AwareDatetime | None = None


WantedLetters = Annotated[
    LetterFilterBody,
    WithJsonSchema(
        {
            "type": "object",
            "description": "Which open dead letters; {}: all. error: a part of the last error; "
            "failed_since and failed_until: RFC 3339.",
            "additionalProperties": False,
            "properties": {name: {"type": "string"} for name in LetterFilterBody.model_fields},
        }
    ),
]
ExpectedCount = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class RetryManyBody(_Body):
    filter: WantedLetters
    expected_count: ExpectedCount
    note: Annotated[
        str | None,
        PlainValidator(_or_none(values.text(500))),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500}),
        Field(description="Why; kept with each row and its event."),
    ] = None


class ResolveManyBody(_Body):
    filter: WantedLetters
    expected_count: ExpectedCount
    note: Reason
    outcome: LetterOutcomeName = None


class ResolveDeadLetterBody(_Body):
    note: Reason
    outcome: LetterOutcomeName = None
    resolved_by: Annotated[
        str | None,
        PlainValidator(_or_none(values.optional_text(64))),
        WithJsonSchema({"type": "string", "maxLength": 64}),
        Field(description="Only while the service asks nobody to sign in; otherwise it is the account."),
    ] = None


def _capacity(value: int) -> int:
    if 0 < value < MIN_CAPACITY:
        raise Refused(
            "too_small",
            Text(
                f"must be 0 (no limit) or at least {MIN_CAPACITY}",
                f"должно быть 0 (без предела) или от {MIN_CAPACITY}",
            ),
        )
    return value


class CapacityBody(_Body):
    capacity: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000), AfterValidator(_capacity)]


class ReasonBody(_Body):
    reason: Reason


class MaintenanceBody(_Body):
    reason: Reason
    estimated_duration_minutes: Annotated[
        int | None, Field(ge=1, le=MAX_MAINTENANCE_MINUTES, strict=True)
    ] = None
