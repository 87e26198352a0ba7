"""The pages about Shtrih-M carry the driver's own table of errors."""

from pathlib import Path

import pytest

from kkt_adapter.cli.devices.shtrih_page import PAGES, with_table
from kkt_adapter.fiscal.kkt.shtrih.device_errors import ERRORS, ShtrihReaction, error_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PAGES)
def test_the_table_of_errors_is_the_one_in_force(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page == with_table(page, PAGES[name]), "run: python -m kkt_adapter.cli.devices.shtrih_page"
    assert all(f"| {code:02X}h |" in page for code in ERRORS)


def test_an_error_in_no_list_is_refused_only_when_the_fn_may_have_said_it() -> None:
    assert error_of(0xB9).reaction is ShtrihReaction.REFUSE  # met as an answer to FF45
    assert error_of(0xEE).reaction is ShtrihReaction.UNKNOWN
