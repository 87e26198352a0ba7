"""Corrections by sums (FFD 1.05): instead of lines, the settlements of each VAT rate."""

from datetime import date

from kkt_adapter.fiscal.ffd.limits import MAX_SUM_KOP
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.vat import PERIODS, vat_inside
from kkt_adapter.fiscal.model import FfdVersion, ReceiptKind, ReceiptRequest, VatRate
from kkt_adapter.fiscal.requisites import VatSum
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import rubles


def check_sums(request: ReceiptRequest, ffd_version: FfdVersion, found: Findings) -> tuple[VatSum, ...]:
    """The sums, if this receipt may have them; empty for any other."""
    sums = () if request.extras is None else request.extras.vat_sums
    if not sums:
        return ()
    if request.kind is not ReceiptKind.CORRECTION or ffd_version is not FfdVersion.V1_05:
        found.refuse(
            "correction.sums",
            "correction_sums",
            Text(
                "Sums instead of lines are for corrections of FFD 1.05.",
                "Суммы вместо позиций — только для чека коррекции ФФД 1.05.",
            ),
            Text("Send goods.", "Передайте позиции."),
            tag=1059,
        )
    elif request.lines:
        found.refuse(
            "correction.sums",
            "correction_sums",
            Text(
                "The correction has both lines and sums by rate.",
                "В коррекции и позиции, и суммы по ставкам.",
            ),
            Text("Send either goods or sums by rate.", "Передайте либо позиции, либо суммы по ставкам."),
            tag=1059,
        )
    seen: set[str] = set()
    day = None if request.correction is None else request.correction.date
    for index, one in enumerate(sums):
        _check_sum(one, f"correction.sums.{index}", seen, day, found)
    return sums


def _check_sum(one: VatSum, field: str, seen: set[str], day: date | None, found: Findings) -> None:
    rate = VatRate(one.rate)
    if one.rate in seen:
        found.refuse(
            f"{field}.vat_rate",
            "rate_twice",
            Text(f"The rate {one.rate} stands twice.", f"Ставка {one.rate} указана дважды."),
            Text("Add the two sums up.", "Сложите эти суммы."),
            tag=1199,
        )
    seen.add(one.rate)
    if one.amount_kop > MAX_SUM_KOP:
        found.refuse(
            f"{field}.amount",
            "sum_range",
            Text(f"At most {rubles(MAX_SUM_KOP)}.", f"Не более {rubles(MAX_SUM_KOP)}."),
            Text("Make two corrections.", "Сделайте две коррекции."),
            tag=1020,
        )
    due_kop = vat_inside(one.amount_kop, rate)
    if abs(one.vat_kop - due_kop) > max(100, due_kop // 100):
        found.refuse(
            f"{field}.vat",
            "vat_sum",
            Text(
                f"The tax is {rubles(one.vat_kop)}, at {one.rate} % it would be {rubles(due_kop)}.",
                f"Налог {rubles(one.vat_kop)}, по ставке {one.rate} вышло бы {rubles(due_kop)}.",
            ),
            Text("Correct the sum, or leave vat out.", "Исправьте сумму или не передавайте vat."),
            tag=1199,
        )
    period = PERIODS[rate]
    if day is not None and not period.since <= day <= period.until:
        found.warn(
            "VAT_RATE_DATE",
            f"{field}.vat_rate",
            Text(
                f"VAT {one.rate} was not in force on {day}.",
                f"Ставка НДС {one.rate} {day:%d.%m.%Y} не действовала.",
            ),
            tag=1199,
        )
