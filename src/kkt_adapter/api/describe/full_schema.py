"""The whole description of the interface without a running service: for the committed file and its tests."""

from typing import Any

from kkt_adapter.api.app import ROUTES, Api, bare_api


def openapi_document() -> dict[str, Any]:
    """What /openapi.json answers, but for the version, which changes with every release."""
    app: Api = bare_api()
    for module in ROUTES:
        app.include_router(module.router)
    document = app.openapi()
    document["info"]["version"] = "0"
    return document
