"""What a run found: rows with a target, plain figures beside them, one table, one JSON file."""

import json
import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.method import Method

RESULTS = Path(__file__).with_name("results")


class Grade(StrEnum):
    STRETCH = "stretch"
    PASS = "pass"
    NEAR = "near"  # misses its must by less than the run can tell
    MISS = "MISS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``row`` is that of the table of targets; ``must`` and ``stretch`` are bounds for the median.
    Without ``stretch`` there is nothing to gain beyond ``must``."""

    row: str
    what: str
    must: float
    stretch: float | None = None
    at_least: bool = True  # else: at most

    def grade(self, value: float, margin: float = 0.0) -> Grade:
        """``margin``: the share of ``must`` by which a short run may be off."""
        if self.stretch is not None and self._meets(value, self.stretch):
            return Grade.STRETCH
        if self._meets(value, self.must):
            return Grade.PASS
        eased = self.must * (1 - margin if self.at_least else 1 + margin)
        return Grade.NEAR if margin and self._meets(value, eased) else Grade.MISS

    def reached(self, value: float) -> float:
        """How far ``must`` is reached: 1 is just so, more is better. Of counts that must be 0: 1 or 0."""
        if not self.must or not value:
            return float(self._meets(value, self.must))
        return value / self.must if self.at_least else self.must / value

    def text(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {number(self.must)}" + ("" if self.stretch is None else f" ({number(self.stretch)})")

    def _meets(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row: a value per round."""

    target: Target
    values: tuple[float, ...]
    margin: float = 0.0

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def grade(self) -> Grade:
        return self.target.grade(self.median, self.margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something measured that has no target: rates and latencies of single variants."""

    name: str
    unit: str
    values: tuple[float, ...]


@dataclass(slots=True)
class Report:
    margin: float = 0.0  # of every must
    results: list[Result] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # what could not be measured, and why

    def add(self, target: Target, values: Iterable[float]) -> None:
        self.results.append(Result(target=target, values=tuple(values), margin=self.margin))

    def note(self, name: str, unit: str, values: Iterable[float]) -> None:
        self.figures.append(Figure(name=name, unit=unit, values=tuple(values)))

    @property
    def missed(self) -> list[Result]:
        return [result for result in self.results if result.grade is Grade.MISS]


def write(report: Report, method: Method, programs: Sequence[str], *, took_s: float) -> Path:
    """The JSON file of this run."""
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%d-%H%M%S}{'-quick' if method.quick else ''}.json"
    document = {
        "at": now.isoformat(timespec="seconds"),
        "programs": list(programs),
        "took_s": round(took_s),
        "quick": method.quick,
        "rounds": method.rounds,
        "machine": {
            "cpus": os.cpu_count(),
            "load": os.getloadavg(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "system": platform.platform(),
        },
        "rows": [
            {
                **asdict(result.target),
                "median": result.median,
                "min": min(result.values),
                "max": max(result.values),
                "values": result.values,
                "grade": result.grade,
            }
            for result in report.results
        ],
        "figures": [asdict(figure) | {"median": median(figure.values)} for figure in report.figures],
        "skipped": report.skipped,
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def show(report: Report, console: Console) -> None:
    figures = Table("measured", "median", "min", "max", "unit", title="Figures without a target")
    for figure in report.figures:
        figures.add_row(
            figure.name,
            *(number(v) for v in (median(figure.values), min(figure.values), max(figure.values))),
            figure.unit,
        )
    rows = Table("row", "what", "median", "min", "max", "must (stretch)", "", title="Targets")
    styles: dict[Grade, str] = {Grade.STRETCH: "green", Grade.PASS: "green", Grade.NEAR: "yellow"}
    styles[Grade.MISS] = "bold red"
    for result in ordered(report):
        rows.add_row(
            result.target.row,
            result.target.what,
            *(number(v) for v in (result.median, min(result.values), max(result.values))),
            result.target.text(),
            f"[{styles[result.grade]}]{result.grade}[/]",
        )
    if report.figures:
        console.print(figures)
    console.print(rows)
    for reason in report.skipped:
        console.print(f"skipped: {reason}")


def number(value: float) -> str:
    """Three digits that matter, without exponents."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


def ordered(report: Report) -> list[Result]:
    """By their rows."""
    return sorted(report.results, key=_order)


def _order(result: Result) -> tuple[int, str]:
    digits = "".join(c for c in result.target.row if c.isdigit())
    return int(digits or 0), result.target.row
