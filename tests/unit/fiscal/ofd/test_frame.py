"""The check sum, and worked messages read and written byte for byte."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.messages.frames import built, each_worked
from tests.support.worked_messages import NONCE, SIGN, Worked, golden

from kkt_adapter.fiscal.ffd.tlv import Field, decode
from kkt_adapter.fiscal.ofd.container import container_crc
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    ContainerType,
    crc,
    message_bytes,
    parse_message,
    service_data,
)


def test_the_check_sum_is_ccitt_false():
    assert crc(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("answer_operator_14", 0xEF45), ("answer_operator_0", 0xACD5)],
)
def test_captured_containers_have_the_check_sum_they_carry(name: str, expected: int):
    data = golden(name)
    assert container_crc(data) == expected == int.from_bytes(data[2:4], "little")


@each_worked
def test_worked_containers_have_the_check_sum_they_carry(name: str, worked: Worked):
    data = golden(name)[30:]
    assert container_crc(data) == worked.container_crc == int.from_bytes(data[2:4], "little")


@each_worked
def test_a_worked_message_is_read_to_its_fields(name: str, worked: Worked):
    data = golden(name)
    message = parse_message(data)
    header, container = message.header, message.container
    assert len(data) == worked.size == 30 + header.body_size
    assert header.fn_number == worked.fn_number
    assert header.ffd_version is worked.ffd_version
    assert (header.check_mode, header.has_container, header.wants_answer, header.priority) == (
        CheckMode.NONE,
        True,
        True,
        0,
    )
    assert container is not None
    assert container.type is ContainerType.TO_OPERATOR
    assert (container.code, container.header_number) == (worked.code, worked.fd_number)
    assert container.fn_number == worked.fn_number
    assert container.clear_length == len(container.document)
    assert container.is_clear
    assert container.trailer == b"\x81\x06" + SIGN + b"\0\0"
    assert container.service_data_2 == service_data(NONCE, worked.fd_number)
    assert fields(decode(container.document)) == [(worked.code, worked.fields)]


@each_worked
def test_a_worked_message_is_written_byte_for_byte(name: str, worked: Worked):
    assert built(worked) == golden(name)


@each_worked
def test_what_is_read_is_written_the_same(name: str, worked: Worked):
    data = golden(name)
    message = parse_message(data)
    assert message_bytes(message.header, message.container) == data


def fields(elements: Any) -> list[Field]:
    return [(e.tag, e.value if e.value is not None else fields(e.children)) for e in elements]


def test_the_worked_message_of_the_reference_page_is_the_golden_one():
    page = Path(__file__).parents[4] / "docs" / "reference" / "ofd-protocol.md"
    block = page.read_text(encoding="utf-8").partition("## 12.")[2].split("```")[1]
    hex_column = "".join(line[:69] for line in block.splitlines())
    assert bytes.fromhex(hex_column) == golden("open_shift")
