"""The charts of a run as SVG, and the part of ``docs/reference/performance.md`` that shows them.

Everything between the two marks of the page is written anew by ``draw``.
"""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bench.report import Figure, Grade, Report, Result, number, ordered

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"
FOLDER = PAGE.with_name("performance")
BEGIN, END = "<!-- charts: begin -->", "<!-- charts: end -->"

_WIDTH, _ROW, _LEFT, _RIGHT = 920, 26, 390, 90
_MOST = 3.0  # times the must; longer bars are cut there
_COLOURS = {
    Grade.STRETCH: "#1a7f37",
    Grade.PASS: "#4c9f70",
    Grade.NEAR: "#bf8700",
    Grade.MISS: "#c4432b",
}
_VARIANTS = (("product", "#1f6feb"), ("echo", "#8c959f"), ("per-request", "#c4432b"))
_CONNECTIONS = (1, 8, 32, 64)


def draw(report: Report, *, rounds: int) -> Path:
    """Write the charts and the page; gives the page."""
    FOLDER.mkdir(exist_ok=True)
    results = ordered(report)
    (FOLDER / "musts.svg").write_text(musts(results), encoding="utf-8")
    shown = ["![How far each must is reached](performance/musts.svg)"]
    for disk in ("fast disk", "slow disk"):
        bars = _rates(report.figures, disk)
        if bars:
            name = f"rates-{disk.partition(' ')[0]}.svg"
            (FOLDER / name).write_text(rates(bars, disk), encoding="utf-8")
            shown.append(f"![Receipts a second by connections, {disk}](performance/{name})")
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"rounds: {rounds}. Bars are medians, the thin lines go from the lowest to the highest round.",
        "",
        *(line for one in shown for line in (one, "")),
        *_table(results),
    ]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
    return PAGE


def musts(results: Sequence[Result]) -> str:
    """One bar a row: how many times the must is reached."""
    scale = (_WIDTH - _LEFT - _RIGHT) / _MOST
    one = _LEFT + scale
    height = (len(results) + 2) * _ROW
    parts = [_text(one, 16, "must", anchor="middle", colour="#57606a")]
    for place, result in enumerate(results, 1):
        y = place * _ROW
        target, colour = result.target, _COLOURS[result.grade]
        low, high = (_length(target.reached(value), scale) for value in _ends(result))
        length = _length(target.reached(result.median), scale)
        parts += [
            _text(_LEFT - 8, y + 16, f"{target.row}  {target.what}", anchor="end"),
            _bar(_LEFT, y + 4, length, colour),
            _line(_LEFT + low, y + 12, _LEFT + high, y + 12, "#24292f"),
            _text(_LEFT + max(length, high) + 6, y + 16, number(result.median), colour=colour),
        ]
    parts.append(_line(one, 22, one, height - _ROW // 2, "#57606a"))
    return _svg(height, "How far each must is reached; right of the line is better", parts)


def rates(bars: Sequence[tuple[str, str, Figure]], disk: str) -> str:
    """One bar a variant and number of connections, in receipts a second."""
    most = max(max(figure.values) for _, _, figure in bars)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    parts = []
    for place, (name, colour, figure) in enumerate(bars, 1):
        y, values = place * _ROW, sorted(figure.values)
        median = values[len(values) // 2]
        parts += [
            _text(_LEFT - 8, y + 16, name, anchor="end"),
            _bar(_LEFT, y + 4, median * scale, colour),
            _line(_LEFT + values[0] * scale, y + 12, _LEFT + values[-1] * scale, y + 12, "#24292f"),
            _text(_LEFT + values[-1] * scale + 6, y + 16, number(round(median))),
        ]
    return _svg((len(bars) + 2) * _ROW, f"Receipts a second, {disk}", parts)


def _rates(figures: Sequence[Figure], disk: str) -> list[tuple[str, str, Figure]]:
    by_name = {figure.name: figure for figure in figures}
    found = []
    for connections in _CONNECTIONS:
        for variant, colour in _VARIANTS:
            name = f"{variant} c={connections}"
            figure = by_name.get(f"{disk}: {name}")
            if figure is not None:
                found.append((name, colour, figure))
    return found


def _table(results: Sequence[Result]) -> list[str]:
    lines = ["| row | what | must (stretch) | median | min | max | |", "|---|---|---|---|---|---|---|"]
    for one in results:
        low, high = _ends(one)
        cells = (one.target.row, one.target.what, one.target.text(), *map(number, (one.median, low, high)))
        lines.append(f"| {' | '.join(cells)} | {one.grade} |")
    return lines


def _ends(result: Result) -> tuple[float, float]:
    return min(result.values), max(result.values)


def _length(reached: float, scale: float) -> float:
    return min(max(reached, 0.0), _MOST) * scale


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="12">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        f"{_text(8, 16, title, colour='#57606a')}\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#24292f") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _bar(x: float, y: float, length: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="16" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
