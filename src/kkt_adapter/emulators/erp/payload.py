"""The body of a heartbeat as a receiver would check it that takes nothing on trust.

Every member is named here; one that is missing, unknown or of another form is a refusal, so what must not
leave the adapter (lines, buyers, cashiers) cannot slip through unseen. Written from the description of the
body alone (docs/reference/heartbeat.md), not from the code that makes it.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_EVENTS = 200
MAX_BODY_BYTES = 256 * 1024

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}$")]
Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}\.[0-9]{2}$")]
Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shift(_Strict):
    number: Count
    state: Literal["open", "closed", "expired"]
    opened_at: Annotated[AwareDatetime | None, Field(strict=False)]


class Register(_Strict):
    serial_number: str | None
    registration_number: Digits | None
    fn_number: Digits | None
    state: Literal["ready", "busy", "paper_out", "cover_open", "fault", "unreachable"] | None
    shift: Shift | None
    fn_valid_until: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None


class Buffer(_Strict):
    pending: Count
    syncing: Count
    failed: Count
    oldest_pending_at: Annotated[AwareDatetime | None, Field(strict=False)]


class PointPayload(_Strict):
    pos_id: Name
    device: Annotated[Register, Field(alias="register")]  # pydantic has a method of the wire's name
    buffer: Buffer
    breaker: Literal["closed", "open", "half_open"]
    ofd_last_ack_at: Annotated[AwareDatetime | None, Field(strict=False)]


class FiscalDoc(_Strict):
    fn_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{16}$")]
    fd_number: Annotated[int, Field(ge=1)]
    fiscal_sign: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]
    registration_number: Digits
    shift_number: Annotated[int, Field(ge=1)]
    number_in_shift: Annotated[int, Field(ge=1)]
    fiscalized_at: Annotated[datetime, Field(strict=False)]
    qr: Annotated[
        str, StringConstraints(pattern=r"^t=\d{8}T\d{4,6}&s=\d+\.\d\d&fn=\d{16}&i=\d+&fp=\d+&n=[1-4]$")
    ]


class Event(_Strict):
    event_id: Annotated[int, Field(ge=1)]
    idempotency_key: Name
    receipt_id: Uuid
    pos_id: Name
    kind: Literal["sale", "refund", "expense", "expense_refund", "correction"]
    total: Money
    state: Literal["pending", "syncing", "synced", "failed"]
    printed: bool
    error: Annotated[str, StringConstraints(max_length=200)] | None
    changed_at: Annotated[AwareDatetime, Field(strict=False)]
    fiscal_doc: FiscalDoc | None
    door: Literal["atol-online", "kkmserver"] | None = None
    account: Name | None = None
    client_key: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _printed_with_its_document(self) -> "Event":
        if self.printed != (self.fiscal_doc is not None):
            raise ValueError("fiscal_doc goes with printed, and only with it")
        return self


class Adapter(_Strict):
    version: Name
    started_at: Annotated[AwareDatetime, Field(strict=False)]
    state: Literal["online", "degraded", "offline"]
    disk_free_bytes: Count


class HeartbeatPayload(_Strict):
    version: Literal[1]
    adapter_id: Name
    instance_id: Uuid
    seq: Annotated[int, Field(ge=1)]
    sent_at: Annotated[AwareDatetime, Field(strict=False)]
    adapter: Adapter
    points: Annotated[tuple[PointPayload, ...], Field(strict=False)]
    events: Annotated[tuple[Event, ...], Field(max_length=MAX_EVENTS, strict=False)]
    has_more: bool

    @model_validator(mode="after")
    def _in_order(self) -> "HeartbeatPayload":
        ids = [event.event_id for event in self.events]
        if ids != sorted(set(ids)):
            raise ValueError("event ids do not rise")
        return self


def read_heartbeat(raw: bytes) -> HeartbeatPayload:
    """Raises pydantic.ValidationError with every finding, or ValueError for a body that is too large."""
    heartbeat = HeartbeatPayload.model_validate_json(raw)
    if len(raw) > MAX_BODY_BYTES and len(heartbeat.events) > 1:
        raise ValueError(f"{len(raw)} bytes with more than one event")
    return heartbeat
