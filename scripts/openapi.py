"""Write docs/reference/openapi.json anew from the routes: ``make openapi``."""

import json
from pathlib import Path

from kkt_adapter.api.full_schema import openapi_document

FILE = Path(__file__).parents[1] / "docs" / "reference" / "openapi.json"

if __name__ == "__main__":
    FILE.write_text(json.dumps(openapi_document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
