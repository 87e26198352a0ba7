"""The page of settings says what the code says."""

from pathlib import Path

from kkt_adapter.cli.service.settings_page import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_page_of_settings_is_what_the_code_generates():
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "run: python -m kkt_adapter.cli.service.settings_page > docs/reference/settings.md"
    )
