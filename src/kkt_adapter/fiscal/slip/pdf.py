"""The slip as PDF: the text slip on a strip as wide as receipt paper, with the QR code drawn below.

Needs the extra ``pdf`` (fpdf2). The font is vendored with its licence, so that Cyrillic comes out on any
machine.
"""

from datetime import UTC, datetime
from importlib.resources import as_file, files
from importlib.util import find_spec
from typing import Final

from kkt_adapter.fiscal.slip.buyer import masked
from kkt_adapter.fiscal.slip.content import Content, Slip, content
from kkt_adapter.fiscal.slip.text import slip_lines

WIDTH_MM: Final = 80.0  # of the paper
MARGIN_MM: Final = 4.0
LINE_MM: Final = 3.6
QR_MM: Final = 32.0
_COLUMNS: Final = 42
_FONT: Final = "DejaVuSansMono"
_POINTS: Final = 8.0  # 42 characters of 0.602 em are 71.3 mm
_FIXED: Final = datetime(2026, 1, 1, tzinfo=UTC)  # the same document gives the same bytes


def pdf_available() -> bool:
    return find_spec("fpdf") is not None


def render_pdf(slip: Slip) -> bytes:
    """One page. Raises ModuleNotFoundError without the extra ``pdf``."""
    return _drawn(content(slip))


def render_buyer_pdf(slip: Slip) -> bytes:
    """The same for the buyer, masked."""
    return _drawn(masked(content(slip)))


def _drawn(shown: Content) -> bytes:
    from fpdf import FPDF

    lines = [line for line in slip_lines(shown, _COLUMNS) if not line.startswith("QR: ")]
    height = 2 * MARGIN_MM + len(lines) * LINE_MM + QR_MM + 2 * LINE_MM
    page = FPDF(unit="mm", format=(WIDTH_MM, height))
    page.set_creation_date(_FIXED)
    page.set_title(f"{shown.title} {dict(shown.fiscal).get('ФД', '')}")
    page.set_margin(MARGIN_MM)
    page.set_auto_page_break(False)
    page.add_page()
    with as_file(files("kkt_adapter.fiscal.slip").joinpath("fonts", f"{_FONT}.ttf")) as font:
        page.add_font(_FONT, fname=font)
    page.set_font(_FONT, size=_POINTS)
    for number, line in enumerate(lines):
        page.set_xy(MARGIN_MM, MARGIN_MM + number * LINE_MM)
        page.cell(text=line)
    _draw_qr(page, shown.qr, top=MARGIN_MM + len(lines) * LINE_MM + LINE_MM)
    return bytes(page.output())


def _draw_qr(page: object, text: str, *, top: float) -> None:
    """The modules as squares: sharp at any size."""
    import segno

    modules = [bytes(row) for row in segno.make_qr(text, error="m").matrix]
    side = QR_MM / len(modules)
    left = (WIDTH_MM - QR_MM) / 2
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            if dark:
                page.rect(left + x * side, top + y * side, side, side, style="F")  # type: ignore[attr-defined]
