"""The texts of the pages: complete in both languages, used, and with the same values in them."""

import re
from pathlib import Path

import pytest

from kkt_adapter.api.ui.pages import ROUTES
from kkt_adapter.api.ui.texts import MODULES, TEXTS, say

UI = Path(__file__).parents[3] / "src" / "kkt_adapter" / "api" / "ui"
SOURCES = [*UI.glob("templates/**/*.html"), *UI.glob("pages/*.py"), UI / "visit.py", UI / "site.py"]
_KEY = re.compile(r"""["']([a-z_]+(?:\.[A-Za-z0-9_]+)+)["']""")
_PART = re.compile(r"""["']([a-z_]+(?:\.[A-Za-z0-9_]+)*\.)(?:["']\s*~|\{)""")
_ASKED = re.compile(r"""(?<![\w.])(?:visit\.)?t\(\s*["']([a-z_]+(?:\.[A-Za-z0-9_]+)+)["']\s*[,)]""")


def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def test_every_text_that_is_asked_for_is_there() -> None:
    assert set(_ASKED.findall(sources())) - TEXTS.keys() == set()


def test_every_text_is_asked_for() -> None:
    said = sources()
    named, parts = set(_KEY.findall(said)), set(_PART.findall(said))
    parts |= {"nav.", "common."}  # the words that any page may need
    unused = {key for key in TEXTS if key not in named and not any(key.startswith(part) for part in parts)}
    assert unused == set()


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_a_text_says_the_same_in_both_languages(key: str) -> None:
    text = TEXTS[key]
    assert text.en.strip() and text.ru.strip()
    assert set(re.findall(r"{(\w*)}", text.en)) == set(re.findall(r"{(\w*)}", text.ru))
    assert not re.search("[а-яё]", text.en, re.I), "Russian in the English text"


def test_a_key_says_which_page_it_is_of() -> None:
    for module in MODULES:
        assert {key.partition(".")[0] for key in module.TEXTS}, module


def test_every_section_has_a_name() -> None:
    for route in ROUTES:
        if route.nav is not None:
            assert f"nav.{route.nav}" in TEXTS


def test_values_are_filled_in() -> None:
    assert say("problem.number", "en", id="7") == "Number in the log: 7"
    assert say("no.such.key", "ru") == "no.such.key"
