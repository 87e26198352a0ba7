"""Marked goods: what is refused before anything is asked of the marking system."""

from typing import Any

import pytest
from tests.support.receipts import (
    a_line_request,
    a_payment,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
)

from kkt_adapter.fiscal.model import (
    FfdVersion,
    LineRequest,
    MarkPermission,
    ReceiptRequest,
    RegisterProfile,
)
from kkt_adapter.kernel.money import ONE, line_amount

CODE = "0104690257528523215G+mgsHwDiLN\x1d91EE05\x1d92" + "a" * 44
MARKING = a_profile(registration=a_registration(marked_goods=True))
PERMISSION = MarkPermission(uuid="3f0c5d7e-9d0a-4f0e-a8a6-0c8e8c0f7b11", time="1741939200000")


def marked(*lines: LineRequest, **changes: Any) -> ReceiptRequest:
    lines = lines or (a_line_request(mark_code=CODE, **changes),)
    total = sum(line_amount(line.price_kop, line.quantity) for line in lines)
    return a_request(lines=tuple(lines), payments=(a_payment(total),))


def found(request: ReceiptRequest, profile: RegisterProfile = MARKING) -> list[tuple[str, str, int | None]]:
    return [(v.field, v.code, v.tag) for v in refusals(request, profile)]


@pytest.mark.parametrize(
    ("subject", "becomes"),
    [(None, 33), (1, 33), (32, 33), (33, 33), (2, 31), (30, 31), (31, 31)],
)
def test_a_code_makes_marked_goods_of_the_line(subject, becomes):
    line = checked(marked(subject=subject), MARKING).receipt.lines[0]
    assert (line.subject, line.mark_code) == (becomes, CODE)


@pytest.mark.parametrize(
    ("registration", "code", "tag"),
    [
        (a_registration(marked_goods=False), "mark_registration", 1290),
        (a_registration(marked_goods=True, ffd_version=FfdVersion.V1_1), "mark_ffd", 1163),
        (a_registration(marked_goods=True, ffd_version=FfdVersion.V1_05), "mark_ffd", 1163),
    ],
)
def test_a_code_needs_a_register_for_it(registration, code, tag):
    assert found(marked(), a_profile(registration=registration)) == [("items.0.mark_code", code, tag)]


@pytest.mark.parametrize(
    ("quantity", "unit", "accepted"),
    [
        (ONE, None, True),
        (2 * ONE, None, False),  # one code is one piece
        (ONE + ONE // 2, None, False),
        (ONE + ONE // 2, "кг", True),  # sold by weight
        (30 * ONE, "л", True),
        (20 * ONE, "упак", True),
    ],
)
def test_one_code_is_one_piece_or_a_measured_quantity(quantity, unit, accepted):
    request = marked(quantity=quantity, unit=unit)
    assert found(request) == ([] if accepted else [("items.0.quantity", "mark_quantity", 1023)])


@pytest.mark.parametrize("second", [CODE, "]d2" + CODE, "\x1d" + CODE])
def test_a_code_twice_is_refused_however_the_scanner_frames_it(second):
    request = marked(a_line_request(mark_code=CODE), a_line_request(), a_line_request(mark_code=second))
    refused = refusals(request, MARKING)
    assert [(v.field, v.code) for v in refused] == [("items.2.mark_code", "mark_code_twice")]
    assert "line 0" in refused[0].message.en


def test_two_codes_are_two_lines():
    other = CODE.replace("G+mgsHwDiLN", "G+mgsHwDiLM")
    request = marked(a_line_request(mark_code=CODE), a_line_request(mark_code=other))
    assert [line.subject for line in checked(request, MARKING).receipt.lines] == [33, 33]


@pytest.mark.parametrize("code", ["", "x" * 257, "код", "a\nb", "a\x00b"])
def test_what_no_scanner_reads_is_refused(code):
    request = a_request(lines=(a_line_request(mark_code=code),))
    assert found(request) == [("items.0.mark_code", "mark_code_shape", 2000)]


@pytest.mark.parametrize("subject", [31, 33])
def test_goods_with_a_code_need_the_code(subject):
    request = a_request(lines=(a_line_request(subject=subject),))
    assert found(request) == [("items.0.mark_code", "mark_code_missing", 1163)]


def test_the_permission_goes_along():
    assert checked(marked(mark_permission=PERMISSION), MARKING).receipt.lines[0].mark_permission == PERMISSION


@pytest.mark.parametrize(
    ("permission", "code", "tag"),
    [
        (MarkPermission(uuid="a", time="1", blocked=True), "permission_blocked", 1260),
        (MarkPermission(uuid="", time="1"), "permission_shape", 1265),
        (MarkPermission(uuid="a", time=""), "permission_shape", 1265),
        (MarkPermission(uuid="a" * 256, time="1"), "permission_shape", 1265),
        (MarkPermission(uuid="ключ", time="1"), "permission_shape", 1265),
    ],
)
def test_a_permission_that_forbids_or_says_nothing_is_refused(permission, code, tag):
    assert found(marked(mark_permission=permission)) == [("items.0.mark_permission", code, tag)]


def test_a_permission_without_a_code_is_refused():
    request = a_request(lines=(a_line_request(mark_permission=PERMISSION),))
    assert found(request) == [("items.0.mark_permission", "permission_without_code", 1260)]
    blocked = a_request(
        lines=(a_line_request(mark_permission=MarkPermission(uuid="a", time="1", blocked=True)),)
    )
    assert [v[1] for v in found(blocked)] == ["permission_without_code", "permission_blocked"]
