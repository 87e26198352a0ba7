"""Any receipt the model can hold: encoded, decoded and compared, its sums recounted from the lines."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.support.receipts import a_correction, a_line, a_payment, a_registration, a_sale

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.ffd.vat import PERCENT, RATE_OF_CODE, vat_inside
from kkt_adapter.fiscal.model import Customer, FfdVersion, Line, PaymentKind, Receipt, ReceiptKind, VatRate
from kkt_adapter.fiscal.ofd.describe import document_json
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel.money import Kopecks

Json = dict[str, Any]
LETTERS = "абвгдеёжЯABCxyz0189 -.,/+"
DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))
MOMENTS = st.integers(0, 10**9).map(lambda s: datetime.fromisoformat("2020-01-01") + timedelta(seconds=s))
SUMS = st.integers(1, 10**9).map(Kopecks)
PHONES = st.lists(st.integers(10**9, 10**14).map(lambda n: f"+{n}"), max_size=3).map(tuple)
_PAYMENTS = {"cashTotalSum": "cash", "ecashTotalSum": "card", "prepaidSum": "prepaid", "creditSum": "credit"}
_FLAT = {
    "nds18": "20",
    "nds10": "10",
    "nds0": "0",
    "ndsNo": "none",
    "nds18118": "20/120",
    "nds10110": "10/110",
}


def text(most: int) -> st.SearchStrategy[str]:
    return st.text(LETTERS, min_size=1, max_size=most).filter(lambda t: t == t.strip())


def maybe(what: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | what


INDUSTRY = st.builds(Industry, federal_id=st.just("030"), date=DAYS, number=text(32), value=text(256))
AGENT = st.builds(
    Agent,
    type=st.sampled_from(AgentType),
    operation=maybe(text(24)),
    phones=PHONES,
    operator_phones=PHONES,
    transfer_phones=PHONES,
    transfer_name=maybe(text(64)),
    transfer_address=maybe(text(256)),
    transfer_inn=maybe(st.just("7707083893")),
)
SUPPLIER = st.builds(Supplier, name=maybe(text(256)), inn=st.just("7707083893"), phones=PHONES)
LINE_EXTRAS = st.builds(
    LineExtras,
    agent=maybe(AGENT),
    supplier=maybe(SUPPLIER),
    excise_kop=maybe(SUMS),
    country=maybe(st.just("643")),
    customs_declaration=maybe(text(32)),
    attribute=maybe(text(64)),
    mark_quantity=maybe(
        st.builds(MarkQuantity, numerator=st.integers(1, 99), denominator=st.integers(100, 10**6))
    ),
    industry=st.lists(INDUSTRY, max_size=2).map(tuple),
)
RECEIPT_EXTRAS = st.builds(
    ReceiptExtras,
    industry=st.lists(INDUSTRY, max_size=2).map(tuple),
    operation_attribute=maybe(
        st.builds(
            OperationAttribute,
            id=st.integers(0, 255),
            data=text(64),
            time=MOMENTS,
        )
    ),
    cashless=st.lists(
        st.builds(
            CashlessPayment, amount_kop=SUMS, method=st.integers(0, 255), id=text(64), info=maybe(text(64))
        ),
        max_size=3,
    ).map(tuple),
    timezone=maybe(st.integers(1, 11)),
)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    amount, rate = draw(SUMS), draw(st.sampled_from(VatRate))
    return a_line(
        name=draw(text(128)),
        amount_kop=amount,
        vat=rate,
        vat_kop=vat_inside(amount, rate),
        extras=draw(maybe(LINE_EXTRAS)),
    )


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    sold = tuple(draw(st.lists(lines(), min_size=1, max_size=4)))
    total = sum(line.amount_kop for line in sold)
    first = draw(st.integers(0, total))
    kinds = draw(st.permutations(list(PaymentKind)))
    parts = [(kinds[0], first), (kinds[1], total - first)]
    corrected = draw(st.booleans())
    return a_sale(
        kind=ReceiptKind.CORRECTION if corrected else ReceiptKind.SALE,
        correction=a_correction() if corrected else None,
        ffd_version=FfdVersion.V1_2,
        lines=sold,
        payments=tuple(a_payment(kop, kind) for kind, kop in parts if kop),
        customer=draw(maybe(st.builds(Customer, email=st.just("a@b.ru"), birth_date=maybe(DAYS)))),
        extras=draw(maybe(RECEIPT_EXTRAS)),
    )


@given(receipts())
@examples(max_examples=60, deadline=None)
def test_what_was_encoded_is_decoded_and_the_sums_are_those_of_the_lines(receipt: Receipt) -> None:
    assert receipt_json.load(receipt_json.dump(receipt)) == receipt
    read = document_json(decode(receipt_body(receipt, a_registration())))
    assert len(read["items"]) == len(receipt.lines)
    for line, item in zip(receipt.lines, read["items"], strict=True):
        assert (item["name"], item["sum"], item["nds"]) == (line.name, line.amount_kop, _code(line.vat))
        _same_line(line.extras or LineExtras(), item)
    _same_receipt(receipt.extras or ReceiptExtras(), read)
    _recounted(receipt, read)


def _code(rate: VatRate) -> int:
    return next(code for code, known in RATE_OF_CODE.items() if known is rate)


def _same_line(extras: LineExtras, item: Json) -> None:
    agent, supplier = extras.agent, extras.supplier
    data = item.get("paymentAgentData", {})
    assert item.get("paymentAgentByProductType") == (agent and agent.type)
    if agent is not None:
        assert tuple(data.get("paymentAgentPhone", ())) == agent.phones
        assert tuple(data.get("paymentOperatorPhone", ())) == agent.operator_phones
        assert tuple(data.get("transferOperatorPhone", ())) == agent.transfer_phones
        assert data.get("paymentAgentOperation") == agent.operation
        assert data.get("transferOperatorName") == agent.transfer_name
        assert data.get("transferOperatorAddress") == agent.transfer_address
        assert data.get("transferOperatorInn") == agent.transfer_inn
    if supplier is not None:
        given = item.get("providerData", {})
        assert (given.get("providerName"), item["providerInn"]) == (supplier.name, supplier.inn)
        assert tuple(given.get("providerPhone", ())) == supplier.phones
    assert item.get("exciseDuty") == extras.excise_kop
    assert item.get("originCountryCode") == extras.country
    assert item.get("customEntryNum") == extras.customs_declaration
    assert item.get("propertiesItem") == extras.attribute
    part, read = extras.mark_quantity, item.get("labeledProdFractionalQuantity")
    assert (read and (read["numerator"], read["denominator"])) == (
        part and (part.numerator, part.denominator)
    )
    assert len(item.get("itemsIndustryDetails", ())) == len(extras.industry)


def _same_receipt(extras: ReceiptExtras, read: Json) -> None:
    assert read.get("timeZone") == extras.timezone
    told = read.get("allECashProp", {}).get("ecashProp", [])
    assert [(one["ecashSum"], one["ecashSign"], one["ecashIdent"]) for one in told] == [
        (one.amount_kop, one.method, one.id) for one in extras.cashless
    ]
    operation = extras.operation_attribute
    if operation is not None:
        details = read["operationalDetails"]
        assert (details["operationId"], details["operationData"]) == (operation.id, operation.data)
        assert details["dateTime"] == operation.time.isoformat()
    values = [one["industryPropValue"] for one in read.get("industryReceiptDetails", ())]
    assert values == [one.value for one in extras.industry]


def _recounted(receipt: Receipt, read: Json) -> None:
    """By payment and by rate, from the lines alone."""
    assert read["totalSum"] == sum(line.amount_kop for line in receipt.lines)
    for name, kind in _PAYMENTS.items():
        assert read[name] == sum(p.amount_kop for p in receipt.payments if p.kind == kind)
    due: dict[str, int] = defaultdict(int)
    for line in receipt.lines:
        percent = PERCENT[line.vat]
        inside = (2 * line.amount_kop * percent + 100 + percent) // (2 * (100 + percent)) if percent else 0
        due[line.vat.value] += inside if percent else line.amount_kop
    listed = {
        RATE_OF_CODE[one["nds"]].value: one["ndsSum"]
        for one in read.get("amountsReceiptNds", {}).get("amountsNds", ())
    }
    flat = {rate: read[name] for name, rate in _FLAT.items() if name in read}
    if listed and flat == {"0": 0}:
        flat = {}  # the filler beside 1115
    assert flat | listed == dict(due)
