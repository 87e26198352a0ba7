"""Receipts that were composed as TLV, and a look at their tags."""

from tests.support.receipts import a_registration

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import Element, Value, decode
from kkt_adapter.fiscal.model import FfdVersion, Receipt, Registration

V105, V11, V12 = FfdVersion.V1_05, FfdVersion.V1_1, FfdVersion.V1_2
MARK = "0104690257528523215G+mgsHwDiLN\x1d91EE05\x1d92" + "a" * 44


def body(receipt: Receipt, registration: Registration | None = None) -> list[Element]:
    return decode(receipt_body(receipt, registration or a_registration(ffd_version=receipt.ffd_version)))


def one(elements: list[Element] | tuple[Element, ...], tag: int) -> Element:
    found = [e for e in elements if e.tag == tag]
    assert len(found) == 1, f"tag {tag} stands {len(found)} times"
    return found[0]


def value(elements: list[Element], tag: int) -> Value | None:
    return one(elements, tag).value


def tags(elements: list[Element] | tuple[Element, ...]) -> list[int]:
    return [e.tag for e in elements]
