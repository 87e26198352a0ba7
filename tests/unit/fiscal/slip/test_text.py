"""The slip as text."""

from datetime import date

import pytest
from tests.support.pages.slips import a_slip
from tests.support.receipts import KEY, a_correction, a_line, a_payment, a_registration, a_sale

from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    FfdVersion,
    Operation,
    PaymentKind,
    ReceiptKind,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.slip import render_text

GOLDEN = """\
          НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ
             виртуальная ККТ
              ООО "Ромашка"
              ИНН 7702203276
       г. Москва, ул. Лесная, д. 1
              Касса POS-001
------------------------------------------
               КАССОВЫЙ ЧЕК
                  ПРИХОД
------------------------------------------
1. Хлеб "Бородинский" нарезанный, 400 г, в
упаковке из пергамента
  2 шт x 50.25                     =100.50
  товар, полный расчёт
  НДС 10%: 9.14
2. Сыр весовой
  0.25 кг x 1000.00                =250.00
  товар, полный расчёт
  НДС 22%: 45.08
------------------------------------------
ИТОГ                               =350.50
НАЛИЧНЫМИ                          =100.00
БЕЗНАЛИЧНЫМИ                       =250.50
СУММА НДС 22%                       =45.08
СУММА НДС 10%                        =9.14
------------------------------------------
СНО                                    ОСН
Кассир                              Кассир
Эл. адрес покупателя     buyer@example.com
Эл. адрес отправителя     demo@example.com
Сайт ФНС                  www.nalog.gov.ru
Дата и время              02.03.2026 12:00
Смена                                    1
Чек                                      7
РН ККТ                    0000000005008570
ЗН ККТ                        000000000002
ФН                        9999078902013267
ФД                                      13
ФП                              0439041101
ФФД                                    1.2
------------------------------------------
QR: t=20260302T1200&s=350.50&fn=9999078902013267&i=13&fp=439041101&n=1
          НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ
             виртуальная ККТ
"""


def test_a_slip_of_a_virtual_register() -> None:
    bread = a_line(
        name='Хлеб "Бородинский" нарезанный, 400 г, в упаковке из пергамента',
        price_kop=5_025,
        quantity=2_000_000,
        amount_kop=10_050,
        vat=VatRate.P10,
        vat_kop=914,
        sku="A-1",
        discount_kop=450,
    )
    cheese = a_line(
        name="Сыр весовой",
        price_kop=100_000,
        quantity=250_000,
        measure=11,
        unit="кг",
        amount_kop=25_000,
        vat=VatRate.P22,
        vat_kop=4_508,
    )
    sale = a_sale(
        lines=(bread, cheese),
        payments=(a_payment(10_000), a_payment(25_050, PaymentKind.CARD)),
        customer=Customer(email="buyer@example.com"),
        sender_email="demo@example.com",
    )

    assert render_text(a_slip(sale)) == GOLDEN


def test_a_fiscal_device_is_not_called_a_virtual_one() -> None:
    text = render_text(a_slip(registration=a_registration(fiscal_device=True)))

    assert "НЕ ФИСКАЛЬНЫЙ" not in text
    assert "виртуальная" not in text


@pytest.mark.parametrize("width", [24, 32, 42, 48, 57, 80])
def test_no_line_is_wider_than_the_paper(width: int) -> None:
    sale = a_sale(
        lines=(a_line(name="Оченьдлинноеназваниебезпробелов" * 4, sku="АРТИКУЛ-" * 8),),
        cashier=Cashier(name="Константинопольский-Преображенский Константин Константинович"),
        customer=Customer(name="Покупатель " * 8, email="a" * 60 + "@example.com"),
        payments=(a_payment(9_000, PaymentKind.PREPAID), a_payment(1_000, PaymentKind.CREDIT)),
        address="Область, " * 12,
    )

    text = render_text(a_slip(sale), width)

    assert max(len(line) for line in text.splitlines() if not line.startswith("QR: ")) <= width
    (qr,) = [line for line in text.splitlines() if line.startswith("QR: ")]
    assert qr.endswith("&n=1")
    assert "ПРЕДВАРИТЕЛЬНАЯ" in text


def test_paper_narrower_than_any_is_refused() -> None:
    with pytest.raises(ValueError, match="24"):
        render_text(a_slip(), 23)


@pytest.mark.parametrize(
    ("operation", "kind", "title"),
    [
        (Operation.SALE, ReceiptKind.SALE, "ПРИХОД"),
        (Operation.REFUND, ReceiptKind.REFUND, "ВОЗВРАТ ПРИХОДА"),
        (Operation.EXPENSE, ReceiptKind.EXPENSE, "РАСХОД"),
        (Operation.EXPENSE_REFUND, ReceiptKind.EXPENSE_REFUND, "ВОЗВРАТ РАСХОДА"),
    ],
)
def test_the_operation_stands_under_the_title(operation: Operation, kind: ReceiptKind, title: str) -> None:
    lines = render_text(a_slip(a_sale(operation=operation, kind=kind))).splitlines()

    assert lines[lines.index("КАССОВЫЙ ЧЕК".center(42).rstrip()) + 1].strip() == title


def test_a_correction_tells_its_basis() -> None:
    correction = a_correction(by_order=True, date=date(2026, 2, 27), number="А-17")

    text = render_text(a_slip(a_sale(kind=ReceiptKind.CORRECTION, correction=correction)))

    assert "КАССОВЫЙ ЧЕК КОРРЕКЦИИ" in text
    assert "по предписанию" in text
    assert "27.02.2026" in text
    assert "А-17" in text
    assert "1. Test" in text


def test_a_correction_of_ffd_1_05_shows_totals_only() -> None:
    sale = a_sale(kind=ReceiptKind.CORRECTION, correction=a_correction(), ffd_version=FfdVersion.V1_05)

    text = render_text(a_slip(sale, registration=a_registration(ffd_version=FfdVersion.V1_05)))

    assert "1. Test" not in text
    assert "СУММА БЕЗ НДС" in text


def test_rounding_in_the_buyers_favour_is_shown() -> None:
    sale = a_sale(lines=(a_line(amount_kop=10_050),), total_kop=10_000, payments=(a_payment(10_000),))

    text = render_text(a_slip(sale))

    assert "ОКРУГЛЕНИЕ" + "=-0.50".rjust(32) in text
    assert "ИТОГ" + "=100.00".rjust(38) in text


def test_the_receipt_key_is_for_machines_and_not_shown() -> None:
    in_1192 = a_sale(additional_attribute=KEY)
    in_1084 = a_sale(additional_attribute=None, user_attribute=UserAttribute(name="receipt_key", value=KEY))

    assert KEY not in render_text(a_slip(in_1192))
    assert KEY not in render_text(a_slip(in_1084))


def test_attributes_of_the_till_are_shown() -> None:
    sale = a_sale(
        additional_attribute="3730902192", user_attribute=UserAttribute(name="Карта", value="12345")
    )

    text = render_text(a_slip(sale))

    assert "Доп. реквизит чека" + "3730902192".rjust(24) in text
    assert "Карта" + "12345".rjust(37) in text


def test_taxes_add_up_by_rate_and_turnover_without_tax_is_named() -> None:
    lines = (
        a_line(amount_kop=12_200, vat=VatRate.P22, vat_kop=2_200),
        a_line(amount_kop=12_200, vat=VatRate.P22, vat_kop=2_200),
        a_line(amount_kop=1_000, vat=VatRate.P0),
        a_line(amount_kop=2_000, vat=VatRate.NONE),
        a_line(amount_kop=12_200, vat=VatRate.P22_122, vat_kop=2_200, method=3),
    )

    text = render_text(a_slip(a_sale(lines=lines)))

    assert "СУММА НДС 22%" + "=44.00".rjust(29) in text
    assert "СУММА С НДС 0%" + "=10.00".rjust(28) in text
    assert "СУММА БЕЗ НДС" + "=20.00".rjust(29) in text
    assert "СУММА НДС 22/122" + "=22.00".rjust(26) in text


def test_unknown_codes_are_shown_as_numbers() -> None:
    text = render_text(a_slip(a_sale(lines=(a_line(subject=29, method=4),))))

    assert "предмет расчёта 29, полный расчёт" in text
