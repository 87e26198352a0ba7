"""The page of settings says what the code says."""

from pathlib import Path

from kkt_adapter.cli.service.settings_page import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_page_of_settings_is_what_the_code_generates():
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "run: python -m kkt_adapter.cli.service.settings_page > docs/reference/settings.md"
    )


def test_no_value_stands_there_as_python_writes_it():
    defaults = [line for line in render().splitlines() if line.startswith("| `")]
    assert not [line for line in defaults if "<" in line or "`(" in line or "`None" in line or "True" in line]
