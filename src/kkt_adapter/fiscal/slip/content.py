"""What stands on a slip, in order, before anybody decides how it looks.

Everything comes from the signed document; the registration adds the register's serial number, which is no
part of a receipt, and whether it is a fiscal device. The renderers lay these rows out and add nothing of
their own, so that text, HTML and PDF cannot disagree.
"""

import re
from dataclasses import dataclass

from kkt_adapter.fiscal.ffd.measures import BY_CODE
from kkt_adapter.fiscal.ffd.receipt_key import RECEIPT_KEY_NAME
from kkt_adapter.fiscal.ffd.vat import RATE_OF_CODE
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, Registration, VatRate
from kkt_adapter.fiscal.slip import words
from kkt_adapter.fiscal.slip.details import line_details, receipt_details
from kkt_adapter.fiscal.slip.signed import SlipDocument
from kkt_adapter.kernel.money import rubles

NOT_FISCAL = ("НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ", "виртуальная ККТ")

Row = tuple[str, str]
"""A label and its value."""

_CORRECTIONS = frozenset({DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION})
_PAYMENTS = (1031, 1081, 1215, 1216, 1217)
_FLAT_VAT = {
    1102: VatRate.P20,
    1103: VatRate.P10,
    1104: VatRate.P0,
    1105: VatRate.NONE,
    1106: VatRate.P20_120,
    1107: VatRate.P10_110,
}
_KEY = re.compile(r"[A-Z][A-Z2-7]{15}\Z")  # the shape of a receipt key
_FFD = {int(version): version.text for version in FfdVersion}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A signed document and the register that signed it."""

    tlv: bytes  # one element: code, length, contents
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRows:
    """One position: name, arithmetic, amount, and small print."""

    number: int
    name: str
    sum_of: str  # "2 шт x 50.25"
    amount: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    banner: tuple[str, ...]  # empty on a fiscal device
    seller: tuple[str, ...]
    title: str
    operation: str
    basis: tuple[Row, ...]  # of a correction
    lines: tuple[LineRows, ...]
    rounding: Row | None
    total: Row
    payments: tuple[Row, ...]
    taxes: tuple[Row, ...]
    facts: tuple[Row, ...]  # taxation, cashier, buyer ...
    fiscal: tuple[Row, ...]  # numbers and signs
    qr: str  # text of the QR code


def content(slip: Slip) -> Content:
    """Raises TlvError: the bytes are not one document."""
    document, registration = SlipDocument.read(slip.tlv), slip.registration
    seller = (
        document.text(1048),
        f"ИНН {document.text(1018) or ''}",
        document.text(1009),
        document.text(1187),
    )
    return Content(
        banner=() if registration.fiscal_device else NOT_FISCAL,
        seller=tuple(text for text in seller if text),
        title=words.TITLE.get(document.code, "КАССОВЫЙ ЧЕК"),
        operation=words.OPERATION_OF_CODE.get(document.number(1054) or 0, ""),
        basis=_basis(document),
        lines=tuple(_line(number, line) for number, line in enumerate(document.every(1059), start=1)),
        rounding=_rounding(document),
        total=("ИТОГ", _amount(document.number(1020) or 0)),
        payments=tuple(
            (words.PAYMENT_OF_TAG[tag], _amount(paid)) for tag in _PAYMENTS if (paid := document.number(tag))
        ),
        taxes=_taxes(document),
        facts=_facts(document),
        fiscal=_fiscal(document, registration),
        qr=_qr(document),
    )


def _basis(document: SlipDocument) -> tuple[Row, ...]:
    if document.code not in _CORRECTIONS:
        return ()
    rows = [("Тип коррекции", "по предписанию" if document.number(1173) else "самостоятельно")]
    base = document.inside(1174)
    day = base.moment(1178)
    if day is not None:
        rows.append(("Дата корректируемого расчёта", f"{day:%d.%m.%Y}"))
    number = base.text(1179)
    if number:
        rows.append(("Номер документа", number))
    return tuple(rows)


def _line(number: int, line: SlipDocument) -> LineRows:
    subject, method = line.number(1212) or 0, line.number(1214) or 0
    notes = [
        f"{words.SUBJECT.get(subject, f'предмет расчёта {subject}')}, "
        f"{words.METHOD.get(method, f'способ расчёта {method}')}",
        _vat_note(line),
        *line_details(line),
    ]
    mark = _mark(line)
    unit = line.text(1197)
    if unit is None:
        measure = BY_CODE.get(line.number(2108) or 0)
        unit = "" if measure is None else measure.text
    return LineRows(
        number=number,
        name=f"{mark}{line.text(1030) or ''}",
        sum_of=f"{line.quantity(1023)} {unit} x {rubles(line.number(1079) or 0)}",
        amount=_amount(line.number(1043) or 0),
        notes=tuple(note for note in notes if note),
    )


def _mark(line: SlipDocument) -> str:
    """[M] before a marked line; [M+]: FN and marking system found the code good; [M-]: one did not."""
    if not line.has(1163):
        return ""
    checked = line.number(2106) or 0  # two bits each, of the FN and of the marking system: checked, good
    by_fn, by_server = checked & 3, checked >> 2 & 3
    if by_fn == by_server == 3:
        return "[M+] "
    return "[M-] " if 1 in (by_fn, by_server) else "[M] "


def _vat_note(line: SlipDocument) -> str:
    rate = RATE_OF_CODE.get(line.number(1199) or 0)
    if rate is None:
        return ""
    text, vat_kop = words.vat_of_line(rate), line.number(1200)
    return f"{text}: {rubles(vat_kop)}" if vat_kop else text


def _rounding(document: SlipDocument) -> Row | None:
    lines = [line.number(1043) or 0 for line in document.every(1059)]
    less_kop = sum(lines) - (document.number(1020) or 0)
    return ("ОКРУГЛЕНИЕ", _amount(-less_kop)) if lines and less_kop else None


def _taxes(document: SlipDocument) -> tuple[Row, ...]:
    listed = list(document.inside(1115).every(1119))
    sums: dict[VatRate, int] = {}
    for tag, rate in _FLAT_VAT.items():
        kop = document.number(tag)
        if kop is not None and (kop or not (listed and tag == 1104)):  # 1104 = 0 beside 1115 is a filler
            sums[rate] = kop
    for one in listed:
        rate_of_code = RATE_OF_CODE.get(one.number(1199) or 0)
        if rate_of_code is not None:
            sums[rate_of_code] = one.number(1120) or 0
    return tuple((words.vat_of_receipt(rate), _amount(sums[rate])) for rate in VatRate if rate in sums)


def _facts(document: SlipDocument) -> tuple[Row, ...]:
    taxation = document.number(1055) or 0
    pair = document.inside(1084)
    contact = document.text(1008) or ""
    found = (
        ("СНО", words.TAXATION.get(taxation, str(taxation))),
        ("Кассир", document.text(1021)),
        ("ИНН кассира", document.text(1203)),
        ("Автомат", document.text(1036)),
        ("Расчёт в интернете", "да" if document.number(1125) or document.number(1108) else None),
        ("Эл. адрес покупателя" if "@" in contact else "Телефон покупателя", contact),
        ("Эл. адрес отправителя", document.text(1117)),
        *receipt_details(document),
        # The receipt key is a mark for machines: not shown, as registers do where they let one choose.
        ("Доп. реквизит чека", _unless_key(document.text(1192))),
        (pair.text(1085) or "", None if pair.text(1085) == RECEIPT_KEY_NAME else pair.text(1086)),
        ("Сайт ФНС", document.text(1060)),
    )
    return tuple((label, value) for label, value in found if value)


def _fiscal(document: SlipDocument, registration: Registration) -> tuple[Row, ...]:
    made_at = document.moment(1012)
    return (
        ("Дата и время", f"{made_at:%d.%m.%Y %H:%M}" if made_at else ""),
        ("Смена", str(document.number(1038) or "")),
        ("Чек", str(document.number(1042) or "")),
        ("РН ККТ", document.text(1037) or registration.registration_number),
        ("ЗН ККТ", registration.serial_number),
        ("ФН", document.text(1041) or ""),
        ("ФД", str(document.number(1040) or "")),
        ("ФП", f"{document.sign():010d}"),
        ("ФФД", _FFD.get(document.number(1209) or 0, "")),
    )


def _qr(document: SlipDocument) -> str:
    """As ``qr.qr_text``, from the document."""
    made_at = document.moment(1012)
    minute = "" if made_at is None else f"{made_at:%Y%m%dT%H%M}"
    return (
        f"t={minute}&s={rubles(document.number(1020) or 0)}&fn={document.text(1041)}"
        f"&i={document.number(1040)}&fp={document.sign()}&n={document.number(1054)}"
    )


def _unless_key(value: str | None) -> str | None:
    return None if value is None or _KEY.match(value) else value


def _amount(kop: int) -> str:
    """Rubles, with the sign in front that keeps anybody from adding a digit."""
    return f"={rubles(kop)}"
