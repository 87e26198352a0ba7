"""What stands in the file of a virtual FN, as values and as rows.

Times are wall clock; in rows they are seconds since 1970 as if it were UTC, like everywhere in the field.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from kkt_adapter.fiscal.kkt.virtual.state import FnLimits, FnState
from kkt_adapter.fiscal.kkt.virtual.totals import RegisterTotals
from kkt_adapter.fiscal.model import FfdVersion, Registration

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock, no zone
_SECOND = timedelta(seconds=1)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDocument:
    fd_number: int
    made_at: datetime
    message: bytes  # session header and container, as the operator gets it

    @classmethod
    def of_row(cls, fd_number: int, row: Row) -> "RecordedDocument":
        return cls(fd_number=fd_number, made_at=to_moment(row[0]), message=row[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class ZReport:
    """What a shift had counted when it was closed, beside its document."""

    opened_at: datetime
    totals: RegisterTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConfirmation:
    fd_number: int
    replied_at: datetime | None  # 1012 of the answer
    response_code: int | None  # 1022
    operator_sign: str | None  # 1078, hex
    ofd_inn: str | None  # 1017
    reply: bytes  # as received

    def row(self) -> Row:
        replied_at = None if self.replied_at is None else to_seconds(self.replied_at)
        return (
            self.fd_number,
            replied_at,
            self.response_code,
            self.operator_sign,
            self.ofd_inn,
            self.reply,
        )

    @classmethod
    def of_row(cls, row: Row) -> "StoredConfirmation":
        return cls(
            fd_number=row[0],
            replied_at=None if row[1] is None else to_moment(row[1]),
            response_code=row[2],
            operator_sign=row[3],
            ofd_inn=row[4],
            reply=row[5],
        )


def state_row(state: FnState) -> Row:
    """In the order of the fields."""
    return (
        state.fd_number,
        to_seconds(state.clock),
        state.shift_number,
        state.shift_open,
        None if state.shift_opened_at is None else to_seconds(state.shift_opened_at),
        state.shift_first_fd,
        state.receipts_in_shift,
        state.confirmed,
        None if state.first_unsent_at is None else to_seconds(state.first_unsent_at),
        state.shift_totals.as_bytes(),
        state.fn_totals.as_bytes(),
    )


def state_of_row(row: Row) -> FnState:
    """Raises ValueError, TypeError when the row is damaged."""
    return FnState(
        fd_number=row[0],
        clock=to_moment(row[1]),
        shift_number=row[2],
        shift_open=bool(row[3]),
        shift_opened_at=None if row[4] is None else to_moment(row[4]),
        shift_first_fd=row[5],
        receipts_in_shift=row[6],
        confirmed=row[7],
        first_unsent_at=None if row[8] is None else to_moment(row[8]),
        shift_totals=RegisterTotals.from_bytes(row[9]),
        fn_totals=RegisterTotals.from_bytes(row[10]),
    )


def document_row(document: RecordedDocument) -> Row:
    return (document.fd_number, to_seconds(document.made_at), document.message)


def z_report_row(fd_number: int, report: ZReport) -> Row:
    return (fd_number, to_seconds(report.opened_at), report.totals.as_bytes())


def z_report_of_row(row: Row) -> ZReport:
    return ZReport(opened_at=to_moment(row[0]), totals=RegisterTotals.from_bytes(row[1]))


def fn_row(registration: Registration, limits: FnLimits) -> Row:
    text = json.dumps(asdict(registration), ensure_ascii=False)
    return (text, limits.capacity, limits.valid_until.isoformat())


def fn_of_row(row: Row) -> tuple[Registration, FnLimits]:
    """Raises ValueError, TypeError, KeyError when the row is damaged."""
    raw: dict[str, Any] = json.loads(row[0])
    raw["ffd_version"] = FfdVersion(raw["ffd_version"])
    return Registration(**raw), FnLimits(capacity=row[1], valid_until=date.fromisoformat(row[2]))


def to_seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND


def to_moment(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
