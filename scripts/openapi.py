"""Write docs/reference/openapi.json anew from the routes, and the client from it: ``make openapi``."""

import json
import runpy
from pathlib import Path

from kkt_adapter.api.describe.full_schema import openapi_document

FILE = Path(__file__).parents[1] / "docs" / "reference" / "openapi.json"

if __name__ == "__main__":
    FILE.write_text(json.dumps(openapi_document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    runpy.run_path(str(Path(__file__).with_name("client.py")), run_name="__main__")
