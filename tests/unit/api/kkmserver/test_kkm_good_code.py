"""GetGoodCodeData: what a scanned code says."""

import base64

import pytest

from kkt_adapter.api.doors.kkmserver.good_code import good_code_data

GS1 = "0104607008138559215Qwerty;Asdfg\x1d93dGVz"


@pytest.mark.parametrize(
    ("code", "kind", "gtin", "serial"),
    [
        (GS1, "GS1", "04607008138559", "5Qwerty;Asdfg"),
        (GS1.replace("\x1d", "<GS>"), "GS1", "04607008138559", "5Qwerty;Asdfg"),
        ("4607008138559", "EAN13", "04607008138559", ""),
        ("46198488", "EAN8", "00000046198488", ""),
        ("RU-430302-ABC1234567", "Fur", "", "RU-430302-ABC1234567"),
        ("Кофе 100 г", "NotParse", "", ""),
    ],
)
def test_what_a_code_says(code: str, kind: str, gtin: str, serial: str) -> None:
    found = good_code_data(code, english=True)
    assert (found["ProductCodeType"], found["GTIN"], found["SerialNumber"]) == (kind, gtin, serial)
    assert found["isParsed"] is (kind != "NotParse")
    assert isinstance(found["Errors"], str)


def test_the_base64_is_of_the_whole_code_with_its_separators() -> None:
    found = good_code_data(GS1.replace("\x1d", "<GS>"), english=False)
    assert base64.b64decode(found["MarkingCodeBase64"]).decode() == GS1


def test_a_damaged_code_says_what_is_wrong_in_the_language_asked_for() -> None:
    damaged = "0104607008138550215Qwerty"  # a wrong check digit
    english, russian = (good_code_data(damaged, english=one)["Errors"] for one in (True, False))
    assert english
    assert russian
    assert english != russian
