"""Agent, supplier, part of a pack, excise, industry attribute and B2B buyer on paper: text, HTML, PDF."""

import re
import zlib
from typing import Any

import pytest
from tests.support.pages.slips import a_document
from tests.support.requisites import (
    BANK_AGENT,
    BUYER,
    INDUSTRY,
    MARK,
    PAYING_AGENT,
    SUPPLIER,
    accepted,
    body,
    registration,
)

from kkt_adapter.fiscal.queries.documents import composed
from kkt_adapter.fiscal.slip import Slip, render_html, render_pdf, render_text
from kkt_adapter.fiscal.store import receipt_json

SIX: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "agent",
        body({"agent": BANK_AGENT, "supplier": SUPPLIER}),
        "1.2",
        ["Агент: БАНК. ПЛ. АГЕНТ", "Оператор перевода: Банк", "+74951234567", "ИНН поставщика: 7707083893"],
    ),
    (
        "supplier of a whole receipt",
        body(agent=PAYING_AGENT, supplier=SUPPLIER),
        "1.05",
        ["ПЛ. АГЕНТ", "Тел. поставщика", "Поставщик: Театр"],
    ),
    (
        "part of a pack",
        body({"mark_code": MARK, "mark_quantity": {"numerator": 1, "denominator": 3}}),
        "1.2",
        ["[M] Билет", "часть упаковки 1/3", "1 шт x 100.00"],
    ),
    ("excise", body({"excise_tax": "12.34", "subject": 2, "country": "643"}), "1.1", ["акциз: 12.34", "643"]),
    (
        "industry",
        body({"industry": [INDUSTRY]}, industry=[INDUSTRY]),
        "1.2",
        ["Отраслевой реквизит: 030 21.11.2023 1944", "UUID=1&Time=2"],
    ),
    (
        "buyer",
        body(customer={**BUYER, "address": "Москва"}),
        "1.2",
        ["Покупатель", "ООО Ромашка", "ИНН покупателя", "7707083893", "Адрес покупателя", "a@b.ru"],
    ),
]


def slip(wanted: dict[str, Any], version: str) -> Slip:
    facts = registration(version, fiscal_device=False)
    receipt = accepted(wanted, version).receipt
    return Slip(tlv=composed(a_document(receipt), receipt_json.dump(receipt), facts), registration=facts)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("wanted", "version", "said"), [one[1:] for one in SIX], ids=[one[0] for one in SIX])
def test_what_the_document_says_is_on_paper(wanted: dict[str, Any], version: str, said: list[str]) -> None:
    shown = slip(wanted, version)
    text = words(render_text(shown))
    page = words(re.sub(r"<[^>]+>", " ", render_html(shown)).replace("&amp;", "&"))
    for expected in said:
        assert expected in text
        assert expected in page
    pdf = render_pdf(shown)
    assert pdf.startswith(b"%PDF-")
    assert pdf == render_pdf(shown), "the same document, the same bytes"
    drawn = b"".join(zlib.decompress(part) for part in _streams(pdf))
    lines = [line for line in render_text(shown).splitlines() if line and not line.startswith("QR: ")]
    assert drawn.count(b" Tj") + drawn.count(b"] TJ") == len(lines)
    assert drawn.count(b" re f") > 300, "the modules of the QR code"


def _streams(pdf: bytes) -> list[bytes]:
    """The compressed contents of pages; font programs do not draw."""
    found = re.findall(rb"/FlateDecode[^>]*>>\s*stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return [part for part in found if part.startswith(b"x") and b"BT" in zlib.decompress(part)]
