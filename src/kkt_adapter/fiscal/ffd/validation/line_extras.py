"""Requisites of a line that most lines do not have: what may, must and must not stand there."""

from dataclasses import replace

from kkt_adapter.fiscal.ffd.compose_extras import WHOLESALE
from kkt_adapter.fiscal.ffd.limits import MAX_SUM_KOP
from kkt_adapter.fiscal.ffd.measures import PIECES, Measure
from kkt_adapter.fiscal.ffd.validation.agents import check_supplied, checked_agent, checked_supplier
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.texts import check_digits, check_version, fitting
from kkt_adapter.fiscal.model import FfdVersion, LineRequest
from kkt_adapter.fiscal.requisites import Industry, LineExtras, MarkQuantity
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import ONE, rubles

PLANNED_STATUSES = frozenset({1, 2, 3, 4, 5, 6, 255})  # tag 2003
PART_LIMIT = 24  # tag 1292, numerator and denominator with the stroke between them
_EXCISE = frozenset({2, 30, 31})  # tag 1212: excise goods


def checked_extras(
    line: LineRequest,
    extras: LineExtras,
    index: int,
    *,
    ffd_version: FfdVersion,
    subject: int,
    measure: Measure,
    receipt_agent: bool,
    found: Findings,
) -> LineExtras:
    """The extras as the document will carry them. ``receipt_agent``: 1057 of the receipt names the agent."""
    place = f"items.{index}"
    agent, supplier = extras.agent, extras.supplier
    if agent is not None:
        agent = checked_agent(agent, f"{place}.agent", found)
    if supplier is not None:
        supplier = checked_supplier(supplier, f"{place}.supplier", found)
    check_supplied(agent, supplier, place, receipt_agent=receipt_agent, found=found)
    if extras.excise_kop is not None:
        _check_excise(extras.excise_kop, subject, place, found)
    if extras.country is not None:
        check_country(extras.country, f"{place}.country", tag=1230, found=found)
    declaration, attribute = extras.customs_declaration, extras.attribute
    if declaration is not None:
        declaration = fitting(declaration, f"{place}.customs_declaration", tag=1231, limit=32, found=found)
    if attribute is not None:
        attribute = fitting(attribute, f"{place}.line_attribute", tag=1191, limit=64, found=found)
    if extras.mark_quantity is not None:
        _check_part(line, extras.mark_quantity, measure, place, ffd_version, found)
    if extras.planned_status is not None:
        _check_planned(line, extras.planned_status, place, ffd_version, found)
    industry = checked_industry(
        extras.industry, f"{place}.industry", "items[].industry[]", 1260, ffd_version, found
    )
    if extras.wholesale:
        _check_wholesale(line, place, ffd_version, found)
        if not any("crpt=mrk" in one.value for one in industry):
            industry = (*industry, WHOLESALE)
    return replace(
        extras,
        agent=agent,
        supplier=supplier,
        customs_declaration=declaration,
        attribute=attribute,
        industry=industry,
    )


def check_country(country: str, field: str, *, tag: int, found: Findings) -> None:
    remedy = Text(
        "Send the code of OKSM: 643 is Russia, 156 China.",
        "Передайте код ОКСМ: 643 — Россия, 156 — Китай.",
    )
    check_digits(country, field, tag=tag, count=3, remedy=remedy, found=found)


def checked_industry(
    wanted: tuple[Industry, ...],
    field: str,
    name: str,
    tag: int,
    ffd_version: FfdVersion,
    found: Findings,
) -> tuple[Industry, ...]:
    """1260 of a line, 1261 of a receipt."""
    if not wanted or not check_version(name, field, tag=tag, ffd_version=ffd_version, found=found):
        return wanted
    checked = []
    for index, one in enumerate(wanted):
        place = f"{field}.{index}"
        remedy = Text("Send the three digits, such as 030.", "Передайте три цифры, например 030.")
        check_digits(one.federal_id, f"{place}.federal_id", tag=1262, count=3, remedy=remedy, found=found)
        checked.append(
            replace(
                one,
                number=fitting(one.number, f"{place}.number", tag=1264, limit=32, found=found),
                value=fitting(one.value, f"{place}.value", tag=1265, limit=256, found=found),
            )
        )
    return tuple(checked)


def _check_excise(excise_kop: int, subject: int, place: str, found: Findings) -> None:
    field = f"{place}.excise_tax"
    if excise_kop > MAX_SUM_KOP:
        found.refuse(
            field,
            "sum_range",
            Text(f"At most {rubles(MAX_SUM_KOP)}.", f"Не более {rubles(MAX_SUM_KOP)}."),
            Text("Correct it.", "Исправьте."),
            tag=1229,
        )
    if subject not in _EXCISE:
        found.warn(
            "EXCISE_SUBJECT",
            field,
            Text(
                f"Excise is given, but the subject (1212) is {subject}: excise goods are 2, 30 or 31.",
                f"Указан акциз, а признак предмета расчёта {subject}: подакцизный товар — 2, 30, 31.",
            ),
            tag=1229,
        )


def _check_part(
    line: LineRequest,
    part: MarkQuantity,
    measure: Measure,
    place: str,
    ffd_version: FfdVersion,
    found: Findings,
) -> None:
    """1291: quantity (1023) is 1, the price is that of the part, the fraction is below one."""
    field = f"{place}.mark_quantity"
    if not check_version("items[].mark_quantity", field, tag=1291, ffd_version=ffd_version, found=found):
        return
    if not 0 < part.numerator < part.denominator:
        found.refuse(
            field,
            "part_range",
            Text(
                f"{part.numerator}/{part.denominator} is no part of one pack.",
                f"{part.numerator}/{part.denominator} не часть одной упаковки.",
            ),
            Text(
                "Send 0 < numerator < denominator; a whole pack has no mark_quantity.",
                "Передайте 0 < numerator < denominator; целая упаковка — без mark_quantity.",
            ),
            tag=1291,
        )
    elif len(f"{part.numerator}/{part.denominator}") > PART_LIMIT:
        found.refuse(
            field,
            "too_long",
            Text(
                f"At most {PART_LIMIT} characters with the stroke.",
                f"Не более {PART_LIMIT} символов с чертой.",
            ),
            Text("Cancel the fraction down.", "Сократите дробь."),
            tag=1292,
        )
    if line.mark_code is None:
        _refuse_without_code(field, 1291, found)
    if measure.code != PIECES or line.quantity != ONE:
        found.refuse(
            f"{place}.quantity",
            "part_quantity",
            Text(
                "A part of a marked pack has quantity 1, in pieces.",
                "У части маркированной упаковки количество 1, мера — штуки.",
            ),
            Text(
                "Send quantity 1 and the price of the part.",
                "Передайте quantity 1 и цену этой части.",
            ),
            tag=1023,
        )


def _check_planned(
    line: LineRequest, status: int, place: str, ffd_version: FfdVersion, found: Findings
) -> None:
    field = f"{place}.planned_status"
    if not check_version("items[].planned_status", field, tag=2003, ffd_version=ffd_version, found=found):
        return
    if line.mark_code is None:
        _refuse_without_code(field, 2003, found)
    if status not in PLANNED_STATUSES:
        found.refuse(
            field,
            "planned_status",
            Text(f"{status} is no planned status.", f"{status} — не планируемый статус."),
            Text("Send 1..6 or 255, or leave it out.", "Передайте 1..6 или 255 либо не передавайте."),
            tag=2003,
        )


def _check_wholesale(line: LineRequest, place: str, ffd_version: FfdVersion, found: Findings) -> None:
    field = f"{place}.wholesale"
    known = check_version("items[].wholesale", field, tag=1260, ffd_version=ffd_version, found=found)
    if known and line.mark_code is None:
        _refuse_without_code(field, 1163, found)


def _refuse_without_code(field: str, tag: int, found: Findings) -> None:
    found.refuse(
        field,
        "without_mark_code",
        Text("It belongs to a marking code, and there is none.", "Относится к коду маркировки, а кода нет."),
        Text("Send the marking code as well.", "Передайте и код маркировки."),
        tag=tag,
    )
