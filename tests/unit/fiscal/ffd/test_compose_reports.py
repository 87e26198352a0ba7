"""Registration and shift reports: the worked ones byte for byte, the others by what each version demands."""

from datetime import datetime

import pytest
from tests.support.receipts import CASHIER_INN, a_registration, a_sale

from kkt_adapter.fiscal.ffd.compose_reports import (
    FnFlags,
    close_shift_body,
    open_shift_body,
    registration_body,
)
from kkt_adapter.fiscal.ffd.counters import Counters, add
from kkt_adapter.fiscal.ffd.tags import registry
from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode
from kkt_adapter.fiscal.model import Cashier, FfdVersion

V105, V11, V12 = FfdVersion.V1_05, FfdVersion.V1_1, FfdVersion.V1_2
IVANOVA = Cashier(name="Иванова А.")

# Worked documents of the protocol, from 1021 on.
OPEN_105 = (
    "fd030a0088a2a0adaea2a020802eb3040c00373731323334353637383930a4040300322e30a5040100021d040100001b040100001c"
    "0401000 01a04010000"
).replace(" ", "")
CLOSE_105 = (
    "fd030a0088a2a0adaea2a020802e5e04040002000000570404000400000049040400030000004a040400107987671d040100001b04"
    "0100001c040100001a04010000"
)

# What each version demands beside the head (always) and what it must not have.
REGISTRATION = {
    V105: ({1048, 1062, 1002, 1221, 1110, 1056, 1001, 1108, 1013, 1021, 1009, 1187, 1188, 1189}, {1290}),
    V11: (
        {1048, 1062, 1002, 1221, 1110, 1056, 1001, 1108, 1013, 1021, 1009, 1187, 1188, 1189, 1190, 1213},
        {1290},
    ),
    V12: (
        {1048, 1002, 1056, 1001, 1290, 1013, 1021, 1009, 1187, 1188, 1189, 1190, 1213},
        {1221, 1110, 1108, 1207},
    ),
}


def tags(data: bytes) -> list[int]:
    return [e.tag for e in decode(data)]


def values(data: bytes) -> dict[int, object]:
    return {e.tag: e.value for e in decode(data)}


def assert_allowed(elements: list[Element], document: int, version: FfdVersion) -> None:
    for e in elements:
        assert document in registry()[e.tag].parents, e.tag
        assert version in registry()[e.tag].versions, e.tag


def test_the_worked_opening_of_a_shift_comes_out_byte_for_byte():
    registration = a_registration(ffd_version=V105, kkt_version="2.0")
    cashier = Cashier(name="Иванова А.", inn="771234567890")
    lowered = "".join(f"{tag:02x}04010000" for tag in (0x1D, 0x1B, 0x1C, 0x1A))  # that register's 1053 ...
    assert OPEN_105.endswith(lowered)
    assert open_shift_body(registration, cashier=cashier).hex() == OPEN_105.removesuffix(lowered)


def test_the_worked_closing_of_a_shift_comes_out_byte_for_byte():
    data = close_shift_body(
        a_registration(ffd_version=V105),
        cashier=IVANOVA,
        receipt_count=2,
        document_count=4,
        unsent_count=3,
        first_unsent_at=datetime(2025, 1, 15, 9, 0),  # noqa: DTZ001 - wall clock
    )
    assert data.hex() == CLOSE_105


@pytest.mark.parametrize("version", FfdVersion)
def test_the_registration_has_what_its_version_demands(version):
    data = registration_body(a_registration(ffd_version=version), cashier=IVANOVA)
    wanted, unwanted = REGISTRATION[version]
    assert wanted <= set(tags(data))
    assert not unwanted & set(tags(data))
    assert {1017, 1046, 1060, 1117} <= set(tags(data))
    assert_allowed(decode(data), 1, version)


@pytest.mark.parametrize(
    ("changes", "conditions"),
    [
        ({}, 0),
        ({"internet_only": True}, 0x20),
        ({"excise_goods": True}, 0x40),
        ({"marked_goods": True}, 0x100),
        ({"internet_only": True, "marked_goods": True}, 0x120),
    ],
)
def test_conditions_of_use_are_bits_since_ffd_1_2(changes, conditions):
    assert values(registration_body(a_registration(**changes), cashier=IVANOVA))[1290] == conditions


def test_conditions_of_use_are_tags_before():
    registration = a_registration(ffd_version=V105, internet_only=True, excise_goods=True)
    found = values(registration_body(registration, cashier=IVANOVA))
    assert (found[1108], found[1207]) == (1, 1)


def test_an_automatic_offline_register():
    registration = a_registration(offline_mode=True, auto_mode=True, machine_number="7", sender_email="")
    found = values(registration_body(registration, cashier=Cashier()))
    assert (found[1001], found[1002], found[1036]) == (1, 1, "7")
    assert not {1021, 1017, 1046, 1117} & set(found)  # nobody sells, nothing is sent


@pytest.mark.parametrize("version", FfdVersion)
def test_shift_reports_are_what_the_dictionary_allows(version):
    registration = a_registration(ffd_version=version, marked_goods=version is V12)
    opened = open_shift_body(registration, cashier=IVANOVA, operator_message=4)
    closed = close_shift_body(
        registration, cashier=IVANOVA, receipt_count=1, document_count=3, operator_message=4
    )
    assert_allowed(decode(opened), 2, version)
    assert_allowed(decode(closed), 5, version)
    assert {1188, 1189} <= set(tags(opened))
    assert not {1050, 1051, 1052, 1053} & set(tags(opened))  # nothing to tell
    assert {1118, 1111, 1097} <= set(tags(closed))
    assert (1206 in tags(opened)) is (1206 in tags(closed)) is (version is not V105)
    assert ({1194, 1157, 1213} <= set(tags(closed))) is (version is not V105)
    assert (2104 in tags(closed)) is (version is V12)


def test_flags_and_cashier_stand_in_both_reports():
    flags = FnFlags(keys_end_soon=True, replace_now=True, memory_full=False, operator_silent=True)
    cashier = Cashier(name="Петров", inn=CASHIER_INN)
    reports = (
        open_shift_body(a_registration(), cashier=cashier, flags=flags),
        close_shift_body(a_registration(), cashier=cashier, flags=flags, receipt_count=0, document_count=2),
    )
    for report in reports:
        found = values(report)
        assert [found.get(tag, 0) for tag in (1050, 1051, 1052, 1053)] == [1, 1, 0, 1]
        assert (1052 in found) is (report is reports[1])
        assert (found[1021], found[1203]) == ("Петров", CASHIER_INN)


def test_counters_of_shift_and_fn_stand_apart():
    shift = add(Counters(), a_sale())
    data = close_shift_body(
        a_registration(),
        cashier=IVANOVA,
        receipt_count=1,
        document_count=3,
        shift_counters=shift,
        fn_counters=add(shift, a_sale()),
        key_resource_days=77,
    )
    by_tag = {e.tag: e for e in decode(data)}
    assert [by_tag[tag].children[0].value for tag in (1194, 1157)] == [1, 2]
    assert by_tag[1213].value == 77


def test_nothing_unsent_has_no_date():
    data = close_shift_body(a_registration(), cashier=IVANOVA, receipt_count=0, document_count=2)
    assert values(data)[1097] == 0
    assert 1098 not in tags(data)


def test_an_offline_register_counts_nothing_unsent():
    registration = a_registration(offline_mode=True)
    data = close_shift_body(registration, cashier=IVANOVA, receipt_count=0, document_count=2)
    assert not {1097, 1098} & set(tags(data))


def test_a_text_that_does_not_fit_is_named():
    with pytest.raises(TlvError) as caught:
        open_shift_body(a_registration(kkt_version="123456789"), cashier=IVANOVA)
    assert caught.value.tag == 1188
