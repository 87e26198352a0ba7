"""The table of driver codes in the pages about ATOL, made from the driver's own table.

python -m kkt_adapter.cli.devices.atol_page
"""

import sys
from pathlib import Path

from kkt_adapter.cli.devices.shtrih_page import HEADS, with_rows
from kkt_adapter.fiscal.kkt.atol.codes import CODES

PAGES = {"docs/how-to/atol.md": "en", "docs/ru/atol.md": "ru"}


def rows(language: str) -> list[str]:
    found = [f"| {' | '.join(HEADS[language])} |", "|---|---|---|"]
    for code, known in sorted(CODES.items()):
        found.append(f"| {code} | {getattr(known.meaning, language)} | {getattr(known.remedy, language)} |")
    return found


def with_table(page: str, language: str) -> str:
    """The page with its table as it should be."""
    return with_rows(page, rows(language))


if __name__ == "__main__":
    for name, language in PAGES.items():
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8"), language), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
