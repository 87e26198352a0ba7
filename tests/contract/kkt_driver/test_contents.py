"""What was asked for stands in the document: rates, agents, requisites and marking codes."""

from datetime import datetime

import pytest
from tests.support.receipts import a_line, a_payment
from tests.support.registers.kkt import TERM, KktBench, a_sale_for
from tests.support.registers.steps import open_register, sell

from kkt_adapter.fiscal.ffd.tlv import first
from kkt_adapter.fiscal.ffd.vat import CALCULATED, CODE, vat_inside
from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.model import PaymentKind, UserAttribute, VatRate
from kkt_adapter.fiscal.printing.tag_audit import differences
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    LineExtras,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)
from kkt_adapter.kernel.money import Kopecks, Quantity

MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


async def test_all_twelve_rates_come_out_as_they_were_asked_for(bench: KktBench) -> None:
    registration = await open_register(bench)
    lines = tuple(
        a_line(vat=rate, vat_kop=vat_inside(10_000, rate), method=1 if rate in CALCULATED else 4)
        for rate in VatRate
    )

    document = await sell(bench, registration, lines=lines)

    tags = await bench.tags_of(document.fd_number)
    told = [line.child(1199) for line in tags if line.tag == 1059]
    assert [one.value for one in told if one is not None] == [CODE[rate] for rate in VatRate]
    assert first(tags, 1102) is not None, "the register works the sums out"


async def test_an_agent_and_his_supplier_are_in_the_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    extras = LineExtras(
        agent=Agent(type=AgentType.COMMISSION_AGENT),
        supplier=Supplier(name="ООО Поставщик", inn="7707083893", phones=("+74950000000",)),
        country="643",
    )

    document = await sell(bench, registration, lines=(a_line(extras=extras),))

    (line,) = [e for e in await bench.tags_of(document.fd_number) if e.tag == 1059]
    found = {tag: line.child(tag) for tag in (1222, 1224, 1226, 1230)}
    assert all(found.values()), found
    assert found[1222] is not None and found[1222].value == 32


async def test_a_document_says_what_was_asked_for(bench: KktBench) -> None:
    registration = await open_register(bench)
    if Capability.TAGS not in bench.driver.capabilities:
        pytest.skip("this register does not read tags back")
    extras = LineExtras(
        agent=Agent(type=AgentType.COMMISSION_AGENT),
        supplier=Supplier(name="ООО Поставщик", inn="7707083893", phones=("+74950000000",)),
        country="643",
        customs_declaration="10702030/210218/0003473",
    )
    lines = (
        a_line(extras=extras, vat=VatRate.P22, subject=4, method=1),
        a_line(price_kop=4_000, quantity=Quantity(1_250_000), amount_kop=5_000, measure=11, vat=VatRate.P10),
    )
    payments = (a_payment(4_000), a_payment(9_000, PaymentKind.CARD), a_payment(2_000, PaymentKind.PREPAID))
    receipt = a_sale_for(
        registration,
        lines=lines,
        payments=payments,
        user_attribute=UserAttribute(name="order", value="A-17"),
        extras=ReceiptExtras(
            operation_attribute=OperationAttribute(id=7, data="d", time=datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
            cashless=(CashlessPayment(amount_kop=Kopecks(9_000), method=1, id="rrn-1"),),
        ),
    )

    document = await bench.driver.fiscalize(receipt, term=TERM)
    tags = await bench.driver.tags(document.fd_number)

    assert tags is not None
    assert differences(receipt, tags) == []


async def test_a_marked_code_is_in_its_line(bench: KktBench) -> None:
    registration = await open_register(bench)
    if Capability.MARKING not in bench.driver.capabilities:
        pytest.skip("this register knows no marking")

    document = await sell(bench, registration, lines=(a_line(mark_code=MARK, subject=33), a_line()))

    marked, plain = [e for e in await bench.tags_of(document.fd_number) if e.tag == 1059]
    assert marked.child(1163) is not None
    assert marked.child(2106) is not None
    assert plain.child(1163) is None
