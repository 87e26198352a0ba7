"""The slip as plain text of a fixed width, as a receipt printer or a letter wants it."""

import textwrap
from collections.abc import Iterable, Iterator

from kkt_adapter.fiscal.slip.content import Content, Row, Slip, content

MIN_WIDTH = 24  # characters; narrower paper does not exist


def slip_lines(shown: Content, width: int) -> list[str]:
    """The lines of the text slip."""
    return [line.rstrip() for line in _lines(shown, width)]


def render_text(slip: Slip, width: int = 42) -> str:
    """Lines of at most ``width`` characters but for the QR text, each ended by a line feed.

    Raises:
        ValueError: narrower than 24 characters.
    """
    if width < MIN_WIDTH:
        raise ValueError(f"a slip of {width} characters, at least {MIN_WIDTH} expected")
    shown = content(slip)
    return "".join(f"{line.rstrip()}\n" for line in _lines(shown, width))


def _lines(shown: Content, width: int) -> Iterator[str]:
    rule = "-" * width
    yield from _centred(shown.banner, width)
    yield from _centred(shown.seller, width)
    yield rule
    yield from _centred((shown.title, shown.operation), width)
    yield from _rows(shown.basis, width)
    yield rule
    for line in shown.lines:
        yield from textwrap.wrap(f"{line.number}. {line.name}", width)
        yield from _row((f"  {line.sum_of}", line.amount), width)
        for note in line.notes:
            yield from textwrap.wrap(note, width, initial_indent="  ", subsequent_indent="  ")
    if shown.lines:
        yield rule
    sums = [shown.total, *shown.payments, *shown.taxes]
    if shown.rounding is not None:
        sums.insert(0, shown.rounding)
    yield from _rows(sums, width)
    yield rule
    yield from _rows(shown.facts, width)
    yield from _rows(shown.fiscal, width)
    yield rule
    yield f"QR: {shown.qr}"  # in one line whatever the width, so that it can be copied
    yield from _centred(shown.banner, width)


def _centred(texts: Iterable[str], width: int) -> Iterator[str]:
    for text in texts:
        for line in textwrap.wrap(text, width):
            yield line.center(width)


def _rows(rows: Iterable[Row], width: int) -> Iterator[str]:
    for row in rows:
        yield from _row(row, width)


def _row(row: Row, width: int) -> Iterator[str]:
    """Label on the left, value on the right; a value that does not fit beside its label goes below it."""
    label, value = row
    if len(label) + 1 + len(value) <= width:
        yield f"{label}{value.rjust(width - len(label))}"
        return
    indent = label[: len(label) - len(label.lstrip())]
    yield from textwrap.wrap(label.lstrip(), width, initial_indent=indent, subsequent_indent=indent)
    for line in textwrap.wrap(value, width):
        yield line.rjust(width)
