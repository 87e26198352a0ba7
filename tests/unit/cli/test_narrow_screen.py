"""Tables on a narrow terminal: what people copy stays whole."""

import io
import re

import pytest
from rich.console import Console

from kkt_adapter.cli import screen

RECEIPT = "01a226b4-ccac-755f-89d3-6d43581c3de6"
TEXT = "the operator refused the document because of its sum, and says so at length in several words"


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("ids", [1, 2])
def test_ids_are_whole_at_any_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, ids: int
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(
        screen, "_console", lambda: Console(file=out, force_terminal=True, width=width, color_system=None)
    )
    screen.table(["id", "key", "error"], [[RECEIPT, RECEIPT if ids == 2 else "7", TEXT]])
    shown = out.getvalue() + capsys.readouterr().out
    assert shown.count(RECEIPT) == ids
    assert re.sub(r"\s+", "", TEXT)[:20] in re.sub(r"\s+", "", shown)
