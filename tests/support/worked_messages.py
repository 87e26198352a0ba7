"""The worked messages of the operator protocol: golden bytes, and the fields they were made from.

``golden("receipt")`` is a whole message as it goes over the wire; ``WORKED`` says what must come of it.
``golden("answer_operator_14")`` and ``golden("answer_operator_0")`` are bare containers captured from a real
operator; ``golden("answer_loose")`` is a whole answer of a test operator with the looser shape.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kkt_adapter.fiscal.ffd.tlv import Field, Fvln, fiscal_sign_bytes
from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.session import P_VERSIONS, SIGNATURE

FN = "9999078900005488"
FN_FFD12 = "9999078902013267"
SIGN = bytes.fromhex("a55ae10c4d75")  # the made-up message sign of all worked messages
NONCE = bytes.fromhex("84ec4c14c2")

at = datetime.fromisoformat  # wall clock, no zone

_DATA = Path(__file__).parents[1] / "data" / "ofd"


def golden(name: str) -> bytes:
    return bytes.fromhex((_DATA / f"{name}.hex").read_text(encoding="ascii"))


def in_session(container: bytes, *, fn_number: str, ffd_version: FfdVersion = FfdVersion.V1_2) -> bytes:
    """A captured container with the session header it travels in, put together by hand."""
    return (
        SIGNATURE
        + b"\x81\xa2"
        + P_VERSIONS[ffd_version]
        + fn_number.encode("ascii").ljust(16)
        + len(container).to_bytes(2, "little")
        + b"\x14\x00\x00\x00"
        + container
    )


@dataclass(frozen=True, kw_only=True)
class Worked:
    code: int
    fields: list[Field]
    fd_number: int
    size: int  # bytes on the wire, with the session header
    container_crc: int
    fn_number: str = FN
    ffd_version: FfdVersion = FfdVersion.V1_05


def _head(number: int, moment: datetime, sign: int) -> list[Field]:
    return [
        (1209, 2),
        (1041, FN),
        (1037, "0000000005008570"),
        (1018, "7702203276"),
        (1040, number),
        (1012, moment),
        (1077, fiscal_sign_bytes(sign)),
    ]


_SHOP: list[Field] = [
    (1048, "ООО Ромашка"),
    (1009, "г.Москва, ул.Ленина, 1"),
    (1187, "Магазин"),
    (1021, "Иванова А."),
]
_NO_WARNINGS: list[Field] = [(1053, 0), (1051, 0), (1052, 0), (1050, 0)]

OPEN_SHIFT = Worked(
    code=2,
    fd_number=2,
    size=237,
    container_crc=0xDF75,
    fields=[
        *_head(2, at("2025-01-15T09:00"), 439041101),
        (1038, 1),
        (1021, "Иванова А."),
        (1203, "771234567890"),
        (1188, "2.0"),
        (1189, 2),
        *_NO_WARNINGS,
    ],
)

RECEIPT = Worked(
    code=3,
    fd_number=3,
    size=454,
    container_crc=0x5807,
    fields=[
        *_head(3, at("2025-01-15T09:05"), 2864434397),
        (1042, 1),
        (1038, 1),
        (1054, 1),
        (1055, 1),
        *_SHOP,
        (
            1059,
            [
                (1214, 4),
                (1212, 1),
                (1030, "Хлеб"),
                (1079, 50_25),
                (1023, Fvln(2, 0)),
                (1199, 2),
                (1200, 9_14),
                (1043, 100_50),
            ],
        ),
        (
            1059,
            [
                (1214, 4),
                (1212, 1),
                (1030, "Сыр весовой"),
                (1079, 1000_00),
                (1023, Fvln(250, 3)),  # 0.250, with the zero kept
                (1199, 1),
                (1200, 41_67),
                (1043, 250_00),
            ],
        ),
        (1020, 350_50),
        (1031, 100_00),
        (1081, 250_50),
        (1215, 0),
        (1216, 0),
        (1217, 0),
        (1102, 41_67),
        (1103, 9_14),
        (1060, "www.nalog.gov.ru"),
        (1117, "shop@example.com"),
    ],
)

CORRECTION = Worked(
    code=31,
    fd_number=4,
    size=270,
    container_crc=0xBA71,
    fields=[
        *_head(4, at("2025-01-15T09:10"), 16909060),
        (1042, 2),
        (1038, 1),
        (1054, 1),
        (1055, 1),
        (1021, "Иванова А."),
        (1173, 0),
        (1174, [(1178, at("2025-01-14")), (1179, "A-17")]),
        (1020, 120_00),
        (1031, 120_00),
        (1081, 0),
        (1215, 0),
        (1216, 0),
        (1217, 0),
        (1102, 20_00),
    ],
)

CLOSE_SHIFT = Worked(
    code=5,
    fd_number=5,
    size=241,
    container_crc=0xDF1F,
    fields=[
        *_head(5, at("2025-01-15T21:00"), 195948557),
        (1038, 1),
        (1021, "Иванова А."),
        (1118, 2),
        (1111, 4),
        (1097, 3),
        (1098, at("2025-01-15T09:00")),
        *_NO_WARNINGS,
    ],
)

RECEIPT_FFD12 = Worked(
    code=3,
    fd_number=3,
    size=413,
    container_crc=0x1D51,
    fn_number=FN_FFD12,
    ffd_version=FfdVersion.V1_2,
    fields=[
        (1209, 4),
        (1041, FN_FFD12),
        (1037, "0000000000024136"),
        (1018, "7802781104"),
        (1040, 3),
        (1012, at("2026-01-15T09:05")),
        (1077, fiscal_sign_bytes(48879)),
        (1042, 1),
        (1038, 1),
        (1054, 1),
        (1055, 1),
        *_SHOP,
        (
            1059,
            [
                (1214, 4),
                (1212, 1),
                (1030, "Лампа"),
                (2108, 0),
                (1079, 122_00),
                (1023, Fvln(1, 0)),
                (1199, 11),
                (1200, 22_00),
                (1043, 122_00),
                (1163, [(1302, "4606203090785")]),
            ],
        ),
        (1020, 122_00),
        (1031, 0),
        (1081, 122_00),
        (1215, 0),
        (1216, 0),
        (1217, 0),
        (1104, 0),
        (1115, [(1119, [(1199, 11), (1120, 22_00)])]),
        (1060, "www.nalog.gov.ru"),
    ],
)

WORKED = {
    "open_shift": OPEN_SHIFT,
    "receipt": RECEIPT,
    "correction": CORRECTION,
    "close_shift": CLOSE_SHIFT,
    "receipt_ffd12": RECEIPT_FFD12,
}
