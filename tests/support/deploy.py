"""Where the files that ship under deploy/ stand, and how they are read."""

from pathlib import Path
from typing import Any, cast

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
Json = dict[str, Any]


def read_yaml(path: Path) -> Json:
    return cast(Json, yaml.safe_load(path.read_text(encoding="utf-8")))
