"""The marking code of one line: read, told what was changed, refused where it is damaged or stands twice."""

from dataclasses import dataclass
from fractions import Fraction

from kkt_adapter.fiscal.ffd.marks.damage import Damaged
from kkt_adapter.fiscal.ffd.marks.grammar import MarkKind
from kkt_adapter.fiscal.ffd.marks.spelling import MarkReading, read_mark
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.requisites import MarkQuantity
from kkt_adapter.kernel.errors import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Packs:
    """The marked packs of one receipt so far, by what identifies them."""

    seen: dict[str, int]  # the first line with the code
    parts: dict[str, Fraction]  # how much of a pack that is sold in parts is gone


def agreed_mark_code(
    sent: str, index: int, packs: Packs, found: Findings, *, part: MarkQuantity | None = None
) -> str:
    """The plain code; what was sent where it is refused. ``part``: only that much of the pack is sold."""
    field = f"items.{index}.mark_code"
    try:
        reading = read_mark(sent)
    except Damaged as damage:
        found.refuse(field, damage.code, damage.message, damage.remedy, tag=2000)
        return sent
    _tell(reading, field, found)
    mark = reading.mark
    if mark.kind is MarkKind.BARCODE:
        return mark.code  # names a product: two pieces have the same
    piece = mark.code if mark.kind is MarkKind.UNKNOWN else mark.data
    first = packs.seen.setdefault(piece, index)
    if first == index:
        if part is not None:
            packs.parts[piece] = Fraction(part.numerator, part.denominator or 1)
    elif not _fits_pack(packs.parts, piece, part):
        found.refuse(
            field,
            "mark_code_twice",
            Text(f"The same code stands in line {first}.", f"Этот же код стоит в позиции {first}."),
            Text(
                "Scan every piece; one code is one piece.", "Сканируйте каждую единицу: код один на единицу."
            ),
            tag=1163,
        )
    return mark.code


def _fits_pack(parts: dict[str, Fraction], piece: str, part: MarkQuantity | None) -> bool:
    """Whether another part of the same pack may follow: three thirds make a whole, a fourth does not fit."""
    taken = parts.get(piece)
    if taken is None or part is None or part.denominator < 1:
        return False
    taken += Fraction(part.numerator, part.denominator)
    parts[piece] = taken
    return taken <= 1


_REMARKS = {MarkKind.BARCODE: "MARK_IS_BARCODE", MarkKind.UNKNOWN: "MARK_UNKNOWN"}


def _tell(reading: MarkReading, field: str, found: Findings) -> None:
    if reading.changes:
        found.warn(
            "MARK_NORMALISED",
            field,
            Text(
                f"The marking code was read so: {'; '.join(c.en for c in reading.changes)}.",
                f"Код маркировки прочитан так: {'; '.join(c.ru for c in reading.changes)}.",
            ),
            tag=2000,
        )
    remark = reading.mark.remark
    if remark is not None:
        found.warn(_REMARKS.get(reading.mark.kind, "MARK_CHECK_PART"), field, remark, tag=1163)
