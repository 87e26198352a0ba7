"""The generated half of the client is what scripts/client.py makes of the committed description."""

import json
from difflib import unified_diff
from pathlib import Path

from scripts.client import PACKAGE, generated
from tests.support.answers.openapi import COMMITTED


def test_the_client_is_generated_from_the_committed_description() -> None:
    wanted = generated(json.loads(COMMITTED.read_text(encoding="utf-8")))
    kept = {str(path.relative_to(PACKAGE)): path for path in _generated_files()}
    assert set(kept) == set(wanted), "run: make openapi"
    for name, text in wanted.items():
        now = kept[name].read_text(encoding="utf-8")
        difference = list(unified_diff(now.splitlines(), text.splitlines(), name, "generated", lineterm=""))
        assert difference == [], "run: make openapi\n" + "\n".join(difference[:100])


def _generated_files() -> list[Path]:
    return [PACKAGE / "faces.py", *(PACKAGE / "models").glob("*.py"), *(PACKAGE / "groups").glob("*.py")]
