"""A register's ready form gives the bytes that the codec gives."""

from typing import Any

import pytest

from kkt_adapter.fiscal.ffd.limits import MAX_DOCUMENT_BYTES
from kkt_adapter.fiscal.ffd.tlv import element
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion
from kkt_adapter.fiscal.ofd.frame import FrameError, build_message, parse_message, service_data
from kkt_adapter.fiscal.ofd.message_form import MessageForm

FN = "9999078900001234"


def _parts(number: int = 77, *, size: int = 200, **changes: Any) -> dict[str, Any]:
    return {
        "fd_number": number,
        "code": DocumentCode.RECEIPT,
        "document": element(DocumentCode.RECEIPT, bytes(number % 251 for _ in range(size))),
        "service_data_2": service_data(b"abcde", number),
        "sign": b"signed",
    } | changes


@pytest.mark.parametrize("version", list(FfdVersion))
@pytest.mark.parametrize("fn_number", [FN, "99990789"])
@pytest.mark.parametrize("parts", [_parts(1, size=0), _parts(77), _parts(0xFFFFFF, size=30_000)])
def test_the_bytes_are_those_of_the_codec(version: FfdVersion, fn_number: str, parts: dict[str, Any]) -> None:
    made = MessageForm(fn_number, version).message(**parts)

    assert made == build_message(fn_number=fn_number, ffd_version=version, **parts)
    container = parse_message(made).container
    assert container is not None
    assert container.document == parts["document"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fd_number": 0},
        {"fd_number": 0x1000000},
        {"sign": b"short"},
        {"service_data_2": b"123456789"},
        {"document": bytes(MAX_DOCUMENT_BYTES + 1)},
    ],
)
def test_what_does_not_fit_is_refused_as_the_codec_refuses_it(changes: dict[str, Any]) -> None:
    parts = _parts() | changes

    with pytest.raises(FrameError) as ours:
        MessageForm(FN, FfdVersion.V1_2).message(**parts)
    with pytest.raises(FrameError) as codecs:
        build_message(fn_number=FN, ffd_version=FfdVersion.V1_2, **parts)
    assert ours.value.reason is codecs.value.reason


def test_no_fn_number_gives_no_form() -> None:
    with pytest.raises(FrameError):
        MessageForm("12 34", FfdVersion.V1_2)
