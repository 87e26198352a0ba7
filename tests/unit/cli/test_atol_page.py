"""The pages about ATOL carry the driver's own table of codes."""

from pathlib import Path

import pytest

from kkt_adapter.cli.devices.atol_page import PAGES, with_table
from kkt_adapter.fiscal.kkt.atol.codes import CODES

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PAGES)
def test_the_table_of_errors_is_the_one_in_force(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page == with_table(page, PAGES[name]), "run: python -m kkt_adapter.cli.devices.atol_page"
    assert all(f"| {code} |" in page for code in CODES)
