"""The readable receipt: as text for a printer or a letter, as HTML for a screen, as PDF, and its QR code.

In: a document's tags and the register's registration. Out: a slip in the wanted form.
"""

from kkt_adapter.fiscal.slip.content import Slip
from kkt_adapter.fiscal.slip.html import render_buyer_html, render_html
from kkt_adapter.fiscal.slip.pdf import pdf_available, render_buyer_pdf, render_pdf
from kkt_adapter.fiscal.slip.qr import qr_svg, qr_text
from kkt_adapter.fiscal.slip.text import render_text

__all__ = [
    "Slip",
    "pdf_available",
    "qr_svg",
    "qr_text",
    "render_buyer_html",
    "render_buyer_pdf",
    "render_html",
    "render_pdf",
    "render_text",
]
