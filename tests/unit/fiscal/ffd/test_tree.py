import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.worked_messages import RECEIPT, WORKED, at, golden

from kkt_adapter.fiscal.ffd.meanings import BITS, CODES
from kkt_adapter.fiscal.ffd.tags import find
from kkt_adapter.fiscal.ffd.tlv import Fvln, TlvError, element, encode
from kkt_adapter.fiscal.ofd.container import FrameError
from kkt_adapter.fiscal.ofd.describe import DescribedShape, describe
from kkt_adapter.fiscal.ofd.frame import message_bytes, parse_message


def of(*fields: Any) -> dict[str, Any]:
    return describe(encode(fields)).json()


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (golden("receipt"), DescribedShape.MESSAGE),
        (golden("answer_loose"), DescribedShape.MESSAGE),
        (golden("receipt")[30:], DescribedShape.CONTAINER),
        (golden("answer_operator_0"), DescribedShape.CONTAINER),
        (encode([(RECEIPT.code, RECEIPT.fields)]), DescribedShape.TLV),
        (encode(RECEIPT.fields), DescribedShape.TLV),
        (b"", DescribedShape.TLV),
    ],
)
def test_the_bytes_tell_what_they_are(data: bytes, shape: DescribedShape):
    assert describe(data).shape is shape


@pytest.mark.parametrize("name", WORKED)
def test_message_container_and_document_show_the_same_tree(name: str):
    data = golden(name)
    worked = WORKED[name]
    trees = [describe(d).nodes for d in (data, data[30:], encode([(worked.code, worked.fields)]))]
    assert trees[0] == trees[1] == trees[2]


def test_a_receipt_is_shown_as_operators_show_it():
    assert describe(golden("receipt_ffd12")).json() == {
        "receipt": {
            "fiscalDocumentFormatVer": 4,
            "fiscalDriveNumber": "9999078902013267",
            "kktRegId": "0000000000024136",
            "userInn": "7802781104",
            "fiscalDocumentNumber": 3,
            "dateTime": "2026-01-15T09:05:00",
            "fiscalSign": 48879,
            "requestNumber": 1,
            "shiftNumber": 1,
            "operationType": 1,
            "appliedTaxationType": 1,
            "user": "ООО Ромашка",
            "retailPlaceAddress": "г.Москва, ул.Ленина, 1",
            "retailPlace": "Магазин",
            "operator": "Иванова А.",
            "items": [
                {
                    "paymentType": 4,
                    "productType": 1,
                    "name": "Лампа",
                    "itemsQuantityMeasure": 0,
                    "price": 12200,
                    "quantity": 1,
                    "nds": 11,
                    "ndsSum": 2200,
                    "sum": 12200,
                    "productCodeNew": {"ean13": "4606203090785"},
                }
            ],
            "totalSum": 12200,
            "cashTotalSum": 0,
            "ecashTotalSum": 12200,
            "prepaidSum": 0,
            "creditSum": 0,
            "provisionSum": 0,
            "nds0": 0,
            "amountsReceiptNds": {"amountsNds": [{"nds": 11, "ndsSum": 2200}]},
            "fnsUrl": "www.nalog.gov.ru",
        }
    }


def test_an_answer_is_shown_with_its_response_code():
    document = describe(golden("answer_operator_14")).json()["operatorAck"]
    assert document["messageToFn"] == {"ofdResponseCode": 14}
    assert document["operator_fiscal_sign"] == "880686ce88300003"


def test_the_envelope_says_what_stands_around_the_document():
    envelope = describe(golden("receipt")).envelope()
    assert envelope["session"] == {
        "fn_number": "9999078900005488",
        "body_size": 424,
        "session_version": "81a2",
        "ffd_version": "0105",
        "flags": "0x0014",
        "check_mode": "none",
        "check_code": "0x0000",
    }
    assert envelope["container"] == {
        "type": "to_operator",
        "code": 3,
        "fn_number": "9999078900005488",
        "number": 3,
        "service_data": "100984ec4c14c20000030004",
        "document_length": 382,
        "trailer": "8106a55ae10c4d750000",
        "encrypted": False,
    }
    assert describe(encode([(1020, 1)])).envelope() == {}


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [(Fvln(1, 0), 1), (Fvln(250, 3), 0.25), (Fvln(2000, 3), 2), (Fvln(1234, 3), 1.234)],
)
def test_quantities_are_numbers(quantity: Fvln, shown: float):
    assert of((1023, quantity)) == {"quantity": shown}


def test_a_tag_that_may_repeat_is_a_list_even_when_it_stands_once():
    assert of((1059, [(1030, "bread")])) == {"items": [{"name": "bread"}]}
    assert of((1171, "+79000000001"), (1171, "+79000000002")) == {
        "providerPhone": ["+79000000001", "+79000000002"]
    }


def test_a_tag_that_should_stand_once_but_stands_thrice_is_shown_thrice():
    assert of((1020, 1), (1020, 2), (1020, 3)) == {"totalSum": [1, 2, 3]}


def test_an_unknown_tag_stands_under_its_number_in_hex():
    assert of((5555, b"\x01\xff")) == {"5555": "01ff"}


def test_a_value_not_of_its_type_is_shown_raw():
    assert describe(bytes.fromhex("0e0403000100 00")).json() == {"shiftNumber": {"raw": "010000"}}
    assert describe(element(1077, b"\x21\x04\x01")).json() == {"fiscalSign": {"raw": "210401"}}


def test_the_string_of_ffd_1_0_under_1115_is_shown_raw():
    assert describe(element(1115, b"www.nalog.gov.ru")).json() == {
        "amountsReceiptNds": {"raw": b"www.nalog.gov.ru".hex()}
    }


def test_an_encrypted_document_is_shown_as_such():
    message = parse_message(golden("receipt"))
    assert message.container is not None
    noise = bytes(range(128, 178))
    changed = replace(message.container, clear_length=len(noise), document=noise)
    described = describe(message_bytes(message.header, changed))
    assert described.nodes == ()
    assert described.json() == {"encrypted": noise.hex()}
    assert described.envelope()["container"]["encrypted"] is True


def test_nodes_carry_numbers_names_and_readable_text():
    (receipt,) = describe(golden("receipt")).nodes
    by_tag = {node.tag: node for node in receipt.children}
    assert (receipt.tag, receipt.name_ru, receipt.nested, receipt.text) == (3, "кассовый чек", True, "")
    assert by_tag[1020].name_en == "total_sum"
    assert by_tag[1020].text == "350.50"
    assert by_tag[1012].text == "2025-01-15 09:05"
    assert by_tag[1077].text == "2864434397"
    assert by_tag[1021].text == "Иванова А."
    assert by_tag[1059].nested
    assert [n.text for n in by_tag[1059].children if n.tag == 1023] == ["0.250"]


@pytest.mark.parametrize(
    ("tag", "value", "russian"),
    [
        (1054, 2, "возврат прихода"),
        (1199, 11, "22%"),
        (1199, 10, "7/107"),
        (1199, 6, "без НДС"),
        (1062, 0b100001, "ОСН, патент"),
        (1209, 4, "ФФД 1.2"),
        (1290, 0x100, "маркированные товары"),
        (2108, 11, "кг"),
        (1022, 14, "не пройден форматно-логический контроль"),
    ],
)
def test_coded_values_say_what_they_mean(tag: int, value: int, russian: str):
    (node,) = describe(encode([(tag, value)])).nodes
    assert node.meaning is not None
    assert node.meaning.ru == russian
    assert node.meaning.en


@pytest.mark.parametrize(("tag", "value"), [(1054, 9), (1199, 13), (1062, 0), (2108, 99), (1020, 1)])
def test_a_value_without_a_known_meaning_has_none(tag: int, value: int):
    (node,) = describe(encode([(tag, value)])).nodes
    assert node.meaning is None


def test_the_meaning_of_every_code_is_told_in_both_languages():
    texts = [t for table in (*CODES.values(), *BITS.values()) for t in table.values()]
    assert all(t.en and t.ru for t in texts)
    assert all(find(tag) for tag in (*CODES, *BITS))


def test_readable_text_of_the_rare_kinds():
    data = encode(
        [
            (1012, at("2025-01-15T09:05:07")),
            (1293, 12345),
            (5555, b"\xab"),
            (1078, b"\x88\x06"),
            (1115, []),
        ]
    )
    assert [n.text for n in describe(data).nodes] == ["2025-01-15 09:05:07", "12345", "ab", "8806", ""]
    assert describe(data).json()["amountsReceiptNds"] == {}


@pytest.mark.parametrize("name", [*WORKED, "answer_operator_0", "answer_loose"])
def test_the_json_can_be_written(name: str):
    described = describe(golden(name))
    assert json.loads(json.dumps(described.json())) == described.json()
    assert json.loads(json.dumps(described.envelope())) == described.envelope()


def test_broken_bytes_say_what_is_wrong():
    with pytest.raises(FrameError, match="bad_crc"):
        describe(golden("receipt")[:-1] + b"\1")
    with pytest.raises(TlvError, match="tag 1020"):
        describe(encode([(1020, 12345)])[:-1])


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_or_refused(data: bytes):
    shown(data)


@given(
    st.sampled_from([*WORKED, "answer_operator_0", "answer_loose"]),
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 86), st.integers(0, 255)), max_size=4),
)
def test_any_change_of_a_good_message_is_shown_or_refused(
    name: str, layer: int, changes: list[tuple[int, int]]
):
    data = bytearray(golden(name)[(0, 30, 62)[layer] :])
    for index, value in changes:
        if index < len(data):
            data[index] = value
    shown(bytes(data))


def shown(data: bytes) -> None:
    try:
        described = describe(data)
    except (FrameError, TlvError):
        return
    json.dumps([described.json(), described.envelope()])
