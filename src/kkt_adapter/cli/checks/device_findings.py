"""What the status of a device says, judged; for every kind of device."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from kkt_adapter.bootstrap.registers import host_zone
from kkt_adapter.cli.checks.findings import CheckFinding, bad, warn
from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus
from kkt_adapter.kernel.errors import Text
from kkt_adapter.settings import RegisterSettings

CLOCK_LIMIT_S = 300  # FN error 17h: clocks that differ by more than five minutes
CLOCK_WARNING_S = 120
FN_DAYS = 30
UNSENT_DAYS = 2


def status_findings(
    subject: str, register: RegisterSettings, status: KktStatus, now: datetime
) -> Iterator[CheckFinding]:
    yield from state_findings(subject, status)
    yield from clock_findings(subject, register, status, now)
    yield from fn_findings(subject, status)


def state_findings(subject: str, status: KktStatus) -> Iterator[CheckFinding]:
    if status.blocked is not None:
        yield bad(
            subject,
            Text(f"makes no receipts: {status.blocked}", f"не оформляет чеки: {status.blocked}"),
            Text("see the runbook: kkt-blocked", "см. инструкцию kkt-blocked"),
        )
    if status.state in (KktState.PAPER_OUT, KktState.COVER_OPEN):
        yield bad(
            subject,
            Text(f"not ready: {status.state}", f"не готова: {status.state}"),
            Text("put paper in and close the cover", "заправьте бумагу и закройте крышку"),
        )
    if status.open_document:
        yield warn(
            subject,
            Text("a document is open in it", "в ней открыт документ"),
            Text("the service gives it up before the next receipt", "служба отменит его перед чеком"),
        )


def clock_findings(
    subject: str, register: RegisterSettings, status: KktStatus, now: datetime
) -> Iterator[CheckFinding]:
    zone = ZoneInfo(register.timezone) if register.timezone else host_zone()
    off_s = round((status.clock - now.astimezone(zone).replace(tzinfo=None)).total_seconds())
    remedy = Text(
        "close the shift and set the register's clock, or set timezone of the register",
        "закройте смену и установите часы ККТ либо задайте timezone этой ККТ",
    )
    found = Text(f"its clock is {off_s:+} s off", f"часы отличаются на {off_s:+} с")
    if abs(off_s) > CLOCK_LIMIT_S:
        yield bad(subject, found, remedy)
    elif abs(off_s) > CLOCK_WARNING_S:
        yield warn(subject, found, remedy)


def fn_findings(subject: str, status: KktStatus) -> Iterator[CheckFinding]:
    days = (status.fn_valid_until - status.clock.date()).days
    if days <= FN_DAYS:
        yield warn(
            subject,
            Text(f"FN valid for {days} days", f"ФН действует ещё {days} дн."),
            Text("plan its replacement", "запланируйте замену ФН"),
        )
    waits = status.first_unsent_at
    if waits is not None and (status.clock - waits).days >= UNSENT_DAYS:
        yield warn(
            subject,
            Text(
                f"{status.unsent_count} documents undelivered since {waits:%Y-%m-%d}",
                f"не передано {status.unsent_count} с {waits:%Y-%m-%d}",
            ),
            Text(
                "restore the exchange with the operator: the FN blocks after 30 days",
                "восстановите обмен с ОФД: через 30 дней ФН заблокируется",
            ),
        )
