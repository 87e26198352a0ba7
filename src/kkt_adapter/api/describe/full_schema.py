"""The whole description of the interface without a running service: for the committed file and its tests."""

from typing import Any

from kkt_adapter.api.framework.app import with_routes


def openapi_document() -> dict[str, Any]:
    """What /openapi.json answers, but for the version, which changes with every release."""
    document = with_routes().openapi()
    document["info"]["version"] = "0"
    return document
