"""The texts of the pages: complete in both languages, used, and with the same values in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from kkt_adapter.api.ui.pages import ROUTES
from kkt_adapter.api.ui.texts import MODULES, TEXTS, say
from kkt_adapter.api.ui.texts.setting_words import SETTING_WORDS
from kkt_adapter.settings import Settings

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


def facts_of_events() -> set[str]:
    """Names that calls of ``entry`` and ``_note`` give to an event, one by one or in ``facts = {...}``."""
    found: set[str] = set()
    for path in (UI.parents[1] / "fiscal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and "EventType." in ast.unparse(node):
                if ast.unparse(node.func).rpartition(".")[2] in ("entry", "_note"):
                    found |= {keyword.arg for keyword in node.keywords if keyword.arg}
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if ast.unparse(target) == "facts":
                    found |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    return found - {"receipt_id", "level", "at"}


def test_every_fact_of_an_event_has_its_words() -> None:
    found = facts_of_events() - {"message_ru"}  # shown as the message
    assert len(found) > 40
    assert {name for name in found if f"fact.{name}" not in TEXTS} == set()


def test_values_are_filled_in() -> None:
    assert say("problem.number", "en", id="7") == "Number in the log: 7"
    assert say("no.such.key", "ru") == "no.such.key"


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting as the page names it, without the id of its table, and what it says in English."""
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        below = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if below is None or not isinstance(field.annotation, type):  # a table that may not be there is named
            yield f"{prefix}{name}", field.description or ""
        if below is not None:
            yield from settings_of(below, f"{prefix}{name}.")


def test_every_setting_is_described_in_both_languages() -> None:
    english = dict(settings_of(Settings))
    assert SETTING_WORDS.keys() == english.keys()
    for name, words in SETTING_WORDS.items():
        assert english[name].strip() and not re.search("[а-яё]", english[name], re.I), name
        only_values = not re.search("[a-z]{2,} [a-z]{2,}", english[name].replace(" or ", ","))
        assert only_values or re.search("[а-яё]", words, re.I), name
