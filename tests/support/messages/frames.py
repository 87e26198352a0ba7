"""Messages and answers of the operator protocol, built as a test wants them."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.worked_messages import FN, NONCE, SIGN, WORKED, Worked, at, golden

from kkt_adapter.fiscal.ffd.tlv import Field, encode
from kkt_adapter.fiscal.ofd.container import container_crc
from kkt_adapter.fiscal.ofd.frame import (
    Container,
    ContainerType,
    build_message,
    build_reply,
    message_bytes,
    parse_message,
    service_data,
)

each_worked = pytest.mark.parametrize(("name", "worked"), WORKED.items(), ids=WORKED)


def built(worked: Worked, **changes: Any) -> bytes:
    parts: dict[str, Any] = {
        "fn_number": worked.fn_number,
        "fd_number": worked.fd_number,
        "code": worked.code,
        "document": encode([(worked.code, worked.fields)]),
        "ffd_version": worked.ffd_version,
        "service_data_2": service_data(NONCE, worked.fd_number),
        "sign": SIGN,
    }
    return build_message(**(parts | changes))


def with_crc(data: bytes) -> bytes:
    return data[:2] + container_crc(data).to_bytes(2, "little") + data[4:]


REQUEST = parse_message(golden("receipt"))
REPLIED_AT = at("2025-01-15T09:05:07")
OPERATOR_SIGN = bytes.fromhex("880686ce88300003")


def real_reply(**changes: Any) -> bytes:
    parts: dict[str, Any] = {
        "fd_number": 3,
        "ofd_inn": "7704211201",
        "replied_at": REPLIED_AT,
        "operator_sign": OPERATOR_SIGN,
        "service_data_2": bytes(10),
        "sign": SIGN,
    }
    return build_reply(REQUEST, **(parts | changes))


def confirmation_of(*fields: Field, **changes: Any) -> bytes:
    """An answer of our own making: these fields in document 7, header fields as given."""
    document = encode([(7, list(fields))])
    container = Container(
        type=ContainerType.TO_REGISTER,
        code=7,
        fn_number=FN,
        number_field=b"\0\0\x03",
        service_data_2=bytes(10),
        clear_length=len(document),
        document=document,
    )
    return message_bytes(REQUEST.header, replace(container, **changes))
