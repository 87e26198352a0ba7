"""The slip as a page."""

import re
from html.parser import HTMLParser

from tests.support.pages.slips import a_document, a_slip
from tests.support.receipts import a_line, a_registration, a_sale

from kkt_adapter.fiscal.model import Cashier, Customer, UserAttribute
from kkt_adapter.fiscal.slip import qr_svg, qr_text, render_html

VOID = {"meta"}


class Page(HTMLParser):
    """Texts by element, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())


def test_the_page_shows_what_the_text_shows() -> None:
    page = Page(render_html(a_slip(a_sale(lines=(a_line(name="Хлеб"),)))))

    assert "1. Хлеб" in page.texts
    assert page.texts[page.texts.index("ИТОГ") + 1] == "=100.00"
    assert page.texts[page.texts.index("ФН") + 1] == "9999078902013267"
    assert page.texts[page.texts.index("ФП") + 1] == "0439041101"
    assert page.texts.count("НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ") == 2


def test_a_fiscal_device_has_no_banner() -> None:
    html = render_html(a_slip(registration=a_registration(fiscal_device=True)))

    assert "НЕ ФИСКАЛЬНЫЙ" not in html
    assert 'class="banner' not in html


def test_the_page_carries_the_qr_code_of_its_receipt() -> None:
    slip = a_slip()
    text = qr_text(a_document(a_sale()), a_sale())
    html = render_html(slip)

    assert qr_svg(text) in html
    assert f'aria-label="{text.replace("&", "&amp;")}"' in html


def test_whatever_comes_from_outside_is_escaped() -> None:
    bad = '<script>alert("x")</script>'
    sale = a_sale(
        lines=(a_line(name=bad, sku=bad, unit=bad),),
        cashier=Cashier(name=bad),
        customer=Customer(name=bad),
        user_attribute=UserAttribute(name=bad, value=bad),
        address=bad,
        place=bad,
        order_id=bad,
    )

    page = Page(render_html(a_slip(sale, registration=a_registration(user_name=bad, fiscal_device=False))))

    assert "script" not in page.tags
    assert f"1. {bad}" in page.texts


def test_the_page_needs_nothing_from_anywhere() -> None:
    html = render_html(a_slip())

    assert re.findall(r"(?:src|href)=|url\(|@import", html) == []
    assert set(re.findall(r"https?://[^\"' ]+", html)) <= {"http://www.w3.org/2000/svg"}
