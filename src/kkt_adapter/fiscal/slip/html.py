"""The slip as one HTML page that needs nothing from anywhere: style and QR code are inside."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kkt_adapter.fiscal.slip.content import Slip, content
from kkt_adapter.fiscal.slip.qr import qr_svg, qr_text


def render_html(slip: Slip) -> str:
    """A whole page in Russian; everything that came from outside is escaped."""
    qr = qr_text(slip.document, slip.receipt)
    return _template().render(slip=content(slip), qr_text=qr, qr_svg=Markup(qr_svg(qr)))  # noqa: S704 - own SVG


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
