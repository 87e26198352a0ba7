"""The table of error codes in the pages about Shtrih-M, made from the driver's own table.

python -m kkt_adapter.cli.devices.shtrih_page
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from kkt_adapter.fiscal.kkt.shtrih.device_errors import ERRORS

BEGIN, END = "<!-- errors: begin -->", "<!-- errors: end -->"
PAGES = {"docs/how-to/shtrih-m.md": "en", "docs/ru/shtrih-m.md": "ru"}
HEADS = {"en": ("code", "meaning", "what to do"), "ru": ("код", "что значит", "что делать")}


def rows_of(language: str) -> list[str]:
    rows = [f"| {' | '.join(HEADS[language])} |", "|---|---|---|"]
    for code, error in sorted(ERRORS.items()):
        meaning, remedy = getattr(error.meaning, language), getattr(error.remedy, language)
        rows.append(f"| {code:02X}h | {meaning} | {remedy} |")
    return rows


def with_table(page: str, language: str) -> str:
    """The page with its table as it should be."""
    return with_rows(page, rows_of(language))


def with_rows(page: str, rows: Sequence[str]) -> str:
    """The page with these rows between its two marks."""
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: "\n".join((BEGIN, *rows, END)), page)


if __name__ == "__main__":
    for name, language in PAGES.items():
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8"), language), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
