"""Corrections by FFD version."""

from datetime import date
from typing import Any

import pytest
from tests.support.receipts import (
    SETTLEMENT_DAY,
    a_correction,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
)

from kkt_adapter.fiscal.model import FfdVersion, Operation, ReceiptKind, ReceiptRequest

V105, V11, V12 = FfdVersion.V1_05, FfdVersion.V1_1, FfdVersion.V1_2


def a_correction_request(**changes: Any) -> ReceiptRequest:
    return a_request(kind=ReceiptKind.CORRECTION, correction=a_correction(**changes))


def found(request: ReceiptRequest, version: FfdVersion = V12) -> list[tuple[str, str]]:
    profile = a_profile(registration=a_registration(ffd_version=version))
    return [(v.field, v.code) for v in refusals(request, profile)]


@pytest.mark.parametrize(
    ("version", "operation", "accepted"),
    [
        (V105, Operation.SALE, True),
        (V105, Operation.EXPENSE, True),
        (V105, Operation.REFUND, False),  # repaired by ordinary receipts
        (V105, Operation.EXPENSE_REFUND, False),
        *[(V11, operation, True) for operation in Operation],
        *[(V12, operation, True) for operation in Operation],
    ],
)
def test_operations_of_a_correction(version, operation, accepted):
    request = a_correction_request(operation=operation, number="7")
    assert found(request, version) == ([] if accepted else [("correction.operation", "correction_operation")])


@pytest.mark.parametrize(
    ("version", "by_order", "number", "accepted"),
    [
        (V12, False, None, True),
        (V12, False, "", True),
        (V12, True, None, False),  # which order?
        (V12, True, "12-3/4 от 01.02.2026 №5", True),
        (V11, False, None, True),
        (V11, True, None, False),
        (V105, False, None, False),  # 1179 is mandatory in 1.05
        (V105, False, "1", True),
        (V12, False, "x" * 32, True),
        (V12, False, "x" * 33, False),
        (V12, True, "№ ☕", False),  # a number is not rewritten
    ],
)
def test_number_of_the_base(version, by_order, number, accepted):
    request = a_correction_request(by_order=by_order, number=number)
    assert found(request, version) == ([] if accepted else [("correction.number", "correction_number")])


@pytest.mark.parametrize(
    ("day", "accepted"),
    [
        (SETTLEMENT_DAY, True),
        (date(2025, 12, 31), True),
        (date(2026, 3, 15), False),  # tomorrow
        (date(1970, 1, 1), True),
        (date(1969, 12, 31), False),  # the tag counts from 1970
        (date.min, False),
    ],
)
def test_the_day_is_never_in_the_future(day, accepted):
    request = a_correction_request(date=day)
    assert found(request) == ([] if accepted else [("correction.date", "correction_date")])


@pytest.mark.parametrize(
    ("sign", "accepted"),
    [("1", True), ("4294967295", True), ("4294967296", False), ("12a", False), ("-1", False), ("", False)],
)
def test_the_fiscal_sign_of_the_wrong_document(sign, accepted):
    assert found(a_correction_request(fiscal_sign=sign)) == (
        [] if accepted else [("correction.fiscal_sign", "fiscal_sign_shape")]
    )


def test_in_1_05_a_correction_does_not_repair_a_receipt():
    request = a_correction_request(number="1", fiscal_sign="2853205313")
    assert found(request, V105) == [("correction.fiscal_sign", "correction_of_receipt")]
    refused = refusals(request, a_profile(registration=a_registration(ffd_version=V105)))
    assert refused[0].remedy is not None
    assert "additional_attribute" in refused[0].remedy.en


def test_an_ordinary_receipt_repairs_a_wrong_one_in_1_05():
    request = a_request(kind=ReceiptKind.REFUND, additional_attribute="2853205313")
    profile = a_profile(registration=a_registration(ffd_version=V105))
    receipt = checked(request, profile).receipt
    assert receipt.additional_attribute == "2853205313"
    assert receipt.user_attribute is not None
    assert receipt.user_attribute.value == receipt.key


@pytest.mark.parametrize(("additional", "accepted"), [("2853205313", True), ("other", False)])
def test_only_one_of_them_wants_tag_1192(additional, accepted):
    request = a_request(
        kind=ReceiptKind.CORRECTION,
        correction=a_correction(fiscal_sign="2853205313"),
        additional_attribute=additional,
    )
    assert found(request) == ([] if accepted else [("correction.fiscal_sign", "fiscal_sign_twice")])


def test_a_correction_without_its_data_is_refused():
    assert found(a_request(kind=ReceiptKind.CORRECTION)) == [("correction", "correction_missing")]


def test_correction_data_in_another_receipt_is_refused():
    assert found(a_request(correction=a_correction())) == [("correction", "correction_unexpected")]
