"""The slip as one HTML page that needs nothing from anywhere: style and QR code are inside."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kkt_adapter.fiscal.slip.content import Slip, content
from kkt_adapter.fiscal.slip.qr import qr_svg


def render_html(slip: Slip) -> str:
    """A whole page in Russian; everything that came from outside is escaped."""
    shown = content(slip)
    drawn = Markup(qr_svg(shown.qr))  # noqa: S704 - own SVG
    return _template().render(slip=shown, qr_text=shown.qr, qr_svg=drawn)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("kkt_adapter.fiscal.slip"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("slip.html")
