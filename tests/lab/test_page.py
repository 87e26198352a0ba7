"""The page about the lab names what the lab has: every fault, every variant, every finding."""

from pathlib import Path

import pytest
from tests.lab.variants import VARIANTS

from kkt_adapter.lab.menu import MENU
from kkt_adapter.lab.reconcile import FindingKind

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "fault-lab.md").read_text(encoding="utf-8")
ROWS = dict(line.strip("|").split("|")[:2] for line in PAGE.splitlines() if line.count("|") >= 3)
WORDS = {name.strip().strip("`"): text.strip() for name, text in ROWS.items()}


@pytest.mark.parametrize("name", [kind.name for kind in MENU])
def test_each_fault_is_on_the_page(name: str):
    assert WORDS[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_is_on_the_page(name: str):
    assert WORDS[name] == VARIANTS[name].what


@pytest.mark.parametrize("kind", [kind for kind in FindingKind if kind is not FindingKind.WRONG])
def test_each_finding_is_on_the_page(kind: FindingKind):
    assert WORDS[kind.value]
