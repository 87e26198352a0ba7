"""The slip as one HTML page that needs nothing from anywhere: style and QR code are inside."""

from functools import cache
from typing import TYPE_CHECKING

from kkt_adapter.fiscal.slip.buyer import CHECK_URL, masked
from kkt_adapter.fiscal.slip.content import Content, Slip, content
from kkt_adapter.fiscal.slip.qr import qr_svg

if TYPE_CHECKING:
    from jinja2 import Template


def render_html(slip: Slip) -> str:
    """A whole page in Russian; everything that came from outside is escaped."""
    return _page("slip.html", content(slip))


def render_buyer_html(slip: Slip, *, pdf: bool) -> str:
    """The same for the buyer: masked, with a way to check it. ``pdf``: link to the PDF beside it."""
    return _page("buyer.html", masked(content(slip)), check_url=CHECK_URL, pdf=pdf)


def _page(name: str, shown: Content, **more: object) -> str:
    from markupsafe import Markup

    drawn = Markup(qr_svg(shown.qr))  # noqa: S704 - own SVG
    return _template(name).render(slip=shown, qr_text=shown.qr, qr_svg=drawn, **more)


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # with the first page that is asked for

    environment = Environment(
        loader=PackageLoader("kkt_adapter.fiscal.slip"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
