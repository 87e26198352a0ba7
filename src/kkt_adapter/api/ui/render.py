"""The templates of the pages."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kkt_adapter.api.ui.static_files import StaticFiles

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """Everything is escaped; a name that a page did not give is an error, not an empty place.

    Jinja is loaded, and a page compiled, when it is first asked for: many services never show one."""

    def __init__(self, static: StaticFiles, *, prefix: str) -> None:
        self._static = f"{prefix}/ui/static/{static.version}"

    @cached_property
    def _environment(self) -> "Environment":
        from jinja2 import Environment, PackageLoader, StrictUndefined

        made = Environment(
            loader=PackageLoader("kkt_adapter.api.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.globals["static"] = lambda name: f"{self._static}/{name}"
        made.globals["parts"] = made.get_template("parts.html").module
        return made

    def render(self, template: str, values: Mapping[str, Any], *, part: str | None = None) -> str:
        """The page or, where its template has a block ``part_NAME`` for this element, only that element."""
        made = self._environment.get_template(template)
        block = None if part is None else made.blocks.get(f"part_{part.replace('-', '_')}")
        if block is None:
            return made.render(values)
        return "".join(block(made.new_context(dict(values))))
