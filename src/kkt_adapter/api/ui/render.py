"""The templates of the pages."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from kkt_adapter.api.ui.static_files import StaticFiles


class Templates:
    """Everything is escaped; a name that a page did not give is an error, not an empty place."""

    def __init__(self, static: StaticFiles, *, prefix: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("kkt_adapter.api.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = lambda name: f"{prefix}/ui/static/{static.version}/{name}"

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        return self._page(template).render(values)

    def _page(self, template: str) -> Template:
        """Compiled when it is first asked for, the shared parts too: many services never show a page."""
        known = self._environment.globals
        if "parts" not in known:
            known["parts"] = self._environment.get_template("parts.html").module
        return self._environment.get_template(template)
