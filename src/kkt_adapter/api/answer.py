"""JSON answers: built once, decimals with their own digits."""

from typing import Any

from starlette.responses import Response

from kkt_adapter.kernel import jsontext


class JsonAnswer(Response):
    """A JSON-ready value as it is; no model walks over it a second time."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return jsontext.encode(content).encode("utf-8")
