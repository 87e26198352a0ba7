"""The QR code of a receipt, by which a buyer asks the tax service for it."""

import io

from kkt_adapter.fiscal.model import FiscalDocument, Receipt
from kkt_adapter.kernel.money import rubles


def qr_text(document: FiscalDocument, receipt: Receipt) -> str:
    """Wall clock to the minute, rubles, FN, document number, fiscal sign, operation (1054).

    A correction carries the operation it is about. Source: requisite 1196 of FNS order
    ED-7-20/662@.
    """
    minute = document.fiscalized_at.isoformat(timespec="minutes").replace("-", "").replace(":", "")
    return (
        f"t={minute}&s={rubles(receipt.total_kop)}&fn={document.fn_number}"
        f"&i={document.fd_number}&fp={document.fiscal_sign}&n={int(receipt.operation)}"
    )


def qr_svg(text: str) -> str:
    """A QR code as one SVG element: black on white whatever is around it, sized by whoever shows it."""
    import segno  # a picture is asked for by people, and seldom

    out = io.BytesIO()
    segno.make_qr(text, error="m").save(
        out, kind="svg", xmldecl=False, nl=False, omitsize=True, border=2, dark="#000", light="#fff"
    )
    return out.getvalue().decode("ascii")
