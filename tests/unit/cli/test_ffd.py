"""``kkt-adapter ffd decode`` on the worked messages."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cli import run
from tests.support.worked_messages import golden
from typer.testing import CliRunner

from kkt_adapter.cli.ffd import MAX_INPUT_BYTES, NotHex, ffd_app, from_hex, read_bytes
from kkt_adapter.fiscal.ffd.tlv import Fvln, element, encode
from kkt_adapter.fiscal.ofd.describe import describe

RECEIPT_FILE = Path(__file__).parents[2] / "data" / "ofd" / "receipt.hex"


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["", " ", ":", "\n", ", "]))
def test_hex_is_read_whatever_stands_between_the_bytes(data: bytes, between: str) -> None:
    assert from_hex(between.join(f"{byte:02x}" for byte in data)) == data
    assert from_hex("0x" + data.hex().upper()) == data


@pytest.mark.parametrize("name", ["receipt", "receipt_ffd12", "close_shift", "correction"])
def test_json_is_the_document_as_operators_show_it(name: str) -> None:
    result = run(ffd_app, "decode", golden(name).hex(), "--json")
    shown = json.loads(result.stdout)
    described = describe(golden(name))
    assert result.exit_code == 0
    assert shown["shape"] == "message"
    assert shown["document"] == described.json()
    assert shown["session"]["fn_number"] == described.envelope()["session"]["fn_number"]


def test_a_message_is_a_tree_of_tags() -> None:
    lines = run(ffd_app, "decode", golden("receipt").hex()).stdout.splitlines()
    assert lines[0] == "message"
    assert any("1048" in line and "ООО Ромашка" in line for line in lines)
    assert any("1054" in line and "income" in line for line in lines)  # coded values are explained
    item = next(line for line in lines if "1030" in line)
    assert item.index("1030") > next(line for line in lines if "1059" in line).index("1059")  # inside


def test_names_are_russian_in_a_russian_locale() -> None:
    result = run(ffd_app, "decode", golden("receipt").hex(), LANG="ru_RU.UTF-8")
    assert result.stdout.startswith("сообщение\n")
    assert "приход" in result.stdout


def test_a_container_is_told_from_a_message_and_from_tlv() -> None:
    assert json.loads(run(ffd_app, "decode", golden("answer_operator_0").hex(), "--json").stdout)[
        "shape"
    ] == ("container")
    tlv = json.loads(run(ffd_app, "decode", "1004 0400 0c000000", "--json").stdout)
    assert tlv == {"shape": "tlv", "document": {"fiscalDocumentNumber": 12}}


def test_a_file_of_hex_and_a_file_of_bytes_are_the_same(tmp_path: Path) -> None:
    raw = tmp_path / "message.bin"
    raw.write_bytes(golden("receipt"))
    assert run(ffd_app, "decode", str(raw)).stdout == run(ffd_app, "decode", str(RECEIPT_FILE)).stdout


def test_standard_input_is_read_for_a_dash() -> None:
    runner = CliRunner(env={"LC_ALL": "C.UTF-8"})
    from_text = runner.invoke(ffd_app, ["decode", "-", "--json"], input=golden("receipt").hex() + "\n")
    from_bytes = runner.invoke(ffd_app, ["decode", "-", "--json"], input=golden("receipt"))
    assert from_text.exit_code == from_bytes.exit_code == 0
    assert from_text.stdout == from_bytes.stdout


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("12g4", "'g' is no hex digit (digit 3)"),
        ("123", "odd number of hex digits (3)"),
        (" ", "nothing to decode"),
        ("1004ff00", "broken as TLV"),
        ("nowhere/receipt.bin", "Neither a file nor hex: 'n'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(source: str, says: str) -> None:
    result = run(ffd_app, "decode", source)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_damaged_byte_is_a_wrong_check_code() -> None:
    spoilt = bytearray(golden("receipt"))
    spoilt[100] ^= 1
    result = run(ffd_app, "decode", spoilt.hex())
    assert result.exit_code == 1
    assert "the check code of the container is wrong (container says 0x" in result.stderr
    russian = run(ffd_app, "decode", spoilt.hex(), LANG="ru_RU.UTF-8")
    assert "неверная сумма CRC контейнера" in russian.stderr


def test_half_a_message_has_the_wrong_length() -> None:
    result = run(ffd_app, "decode", golden("receipt")[:200].hex())
    assert result.exit_code == 1
    assert "the length is wrong" in result.stderr


def test_a_document_as_long_as_they_get_may_be_an_argument() -> None:
    assert read_bytes("00" * 30_000) == bytes(30_000)


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    long = tmp_path / "long.bin"
    long.write_bytes(bytes(MAX_INPUT_BYTES + 1))
    with pytest.raises(NotHex, match="one document"):
        read_bytes(str(long))


def test_names_in_a_document_cannot_drive_the_terminal() -> None:
    name = "a\x1b[2Jb".encode("cp866")
    hostile = bytes.fromhex("1804") + len(name).to_bytes(2, "little") + name  # 1048
    shown = run(ffd_app, "decode", hostile.hex(), FORCE_COLOR="1").stdout
    assert "\x1b[2J" not in shown


def test_a_value_is_whole_in_text_and_in_json_alike() -> None:
    text = "http" + "x" * 200
    inner = encode([(1191, "a  \x1db"), (1260, [(1265, text)]), (1023, Fvln(12345678901234567, 6))])
    data = element(1059, inner).hex()
    shown = run(ffd_app, "decode", data, COLUMNS="60").stdout
    assert f"  {text}\n" in shown
    assert "  a  \\u001db\n" in shown
    assert "  12345678901.234567\n" in shown
    as_json = run(ffd_app, "decode", "--json", data).stdout
    assert text in as_json
    assert '"a  \\u001db"' in as_json
    assert "12345678901.234567" in as_json
