"""The reports of a register as TLV elements: registration (1), opening (2) and closing (5) of a shift.

As with receipts, without the head (1209, 1018, 1037, 1040, 1041, 1012, 1077) and without 1038. Reports are
rare, so they are written by the dictionary (``tlv.encode``), which checks every type and size.

Source: order ED-7-20/662@ as restated in docs/reference/fiscal-rules.md, "Documents".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kkt_adapter.fiscal.ffd.counters import Counters
from kkt_adapter.fiscal.ffd.tlv import Field, element, encode
from kkt_adapter.fiscal.model import Cashier, FfdVersion, Registration

DEFAULT_KEY_RESOURCE_DAYS: Final = 400  # 1213, when nobody knows better

# Bits of 1290 (FFD 1.2).
_INTERNET_ONLY: Final = 1 << 5
_EXCISE: Final = 1 << 6
_MARKED_GOODS: Final = 1 << 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FnFlags:
    """What an FN warns of in shift reports."""

    keys_end_soon: bool = False  # 1050: fewer than 30 days
    replace_now: bool = False  # 1051: fewer than 3 days
    memory_full: bool = False  # 1052: 99 %
    operator_silent: bool = False  # 1053: no confirmation for more than 2 days

    def raised(self) -> list[Field]:
        """Only those that stand: what the opening of a shift carries."""
        return [(tag, value) for tag, value in self.fields() if value]

    def fields(self) -> list[Field]:
        return [
            (1053, int(self.operator_silent)),
            (1051, int(self.replace_now)),
            (1052, int(self.memory_full)),
            (1050, int(self.keys_end_soon)),
        ]


NO_FLAGS: Final = FnFlags()
NOTHING_COUNTED: Final = Counters()


def registration_body(
    registration: Registration,
    *,
    cashier: Cashier,
    key_resource_days: int = DEFAULT_KEY_RESOURCE_DAYS,
) -> bytes:
    """Document 1: facts of the registration; encryption off.

    Raises:
        TlvError: a text is longer than its tag or not in CP866; ``tag`` says which.
    """
    new = registration.ffd_version is FfdVersion.V1_2
    fields: list[Field] = [
        (1048, registration.user_name),
        (1062, registration.taxation_mask),
        (1002, int(registration.offline_mode)),
        (1056, 0),
        (1001, int(registration.auto_mode)),
    ]
    if registration.auto_mode and registration.machine_number:
        fields.append((1036, registration.machine_number))
    if new:
        fields.append((1290, _conditions(registration)))
    else:
        fields += [
            (1221, 0),
            (1110, 0),
            (1108, int(registration.internet_only)),
            (1207, int(registration.excise_goods)),
        ]
    fields.append((1013, registration.serial_number))
    fields += _cashier(cashier)
    fields += [
        (1009, registration.address),
        (1187, registration.place),
        (1188, registration.kkt_version),
        (1189, int(registration.ffd_version)),
    ]
    if registration.ffd_version is not FfdVersion.V1_05:
        fields += [(1190, int(registration.ffd_version)), (1213, key_resource_days)]
    fields.append((1060, registration.fns_site))
    if registration.sender_email:
        fields.append((1117, registration.sender_email))
    if not registration.offline_mode:
        fields += [(1017, registration.ofd_inn), (1046, registration.ofd_name)]
    return encode(fields)


def open_shift_body(
    registration: Registration,
    *,
    cashier: Cashier,
    flags: FnFlags = NO_FLAGS,
    operator_message: int | None = None,
) -> bytes:
    """Document 2. ``operator_message`` is 1206 (bits) from the last confirmation, FFD 1.1 and 1.2 only.

    Raises:
        TlvError: a text is longer than its tag or not in CP866.
    """
    fields = [
        *_cashier(cashier),
        (1188, registration.kkt_version),
        (1189, int(registration.ffd_version)),
        *flags.raised(),
    ]
    fields += _operator_message(registration, operator_message)
    return encode(fields)


def close_shift_body(
    registration: Registration,
    *,
    cashier: Cashier,
    receipt_count: int,
    document_count: int,
    unsent_count: int = 0,
    first_unsent_at: datetime | None = None,
    flags: FnFlags = NO_FLAGS,
    shift_counters: Counters = NOTHING_COUNTED,
    fn_counters: Counters = NOTHING_COUNTED,
    key_resource_days: int = DEFAULT_KEY_RESOURCE_DAYS,
    operator_message: int | None = None,
    unsent_notifications: int = 0,
) -> bytes:
    """Document 5; counters, 1213 and 2104 from FFD 1.1 (2104: 1.2) on.

    ``receipt_count`` is receipts and corrections of the shift, ``document_count`` all its documents, the two
    shift reports among them; ``first_unsent_at`` is the wall clock of the oldest unsent document.

    Raises:
        TlvError: a text is longer than its tag or not in CP866, or a counter has outgrown its tag.
    """
    fields: list[Field] = [
        *_cashier(cashier),
        (1118, receipt_count),
        (1111, document_count),
    ]
    if not registration.offline_mode:
        fields.append((1097, unsent_count))
        if first_unsent_at is not None:
            fields.append((1098, first_unsent_at))
    fields += flags.fields()
    if registration.ffd_version is FfdVersion.V1_05:
        return encode(fields)
    fields.append((1213, key_resource_days))
    fields += _operator_message(registration, operator_message)
    if registration.ffd_version is FfdVersion.V1_2 and registration.marked_goods:
        fields.append((2104, unsent_notifications))
    counters = element(1194, shift_counters.payload()) + element(1157, fn_counters.payload())
    return encode(fields) + counters


def current_state_body(
    registration: Registration, *, unsent_count: int, first_unsent_at: datetime | None, fn_counters: Counters
) -> bytes:
    """Document 21, the report on the state of settlements. ``first_unsent_at`` as in ``close_shift_body``.

    Raises:
        TlvError: a counter has outgrown its tag.
    """
    fields: list[Field] = [(1002, int(registration.offline_mode)), (1097, unsent_count)]
    if first_unsent_at is not None:
        fields.append((1098, first_unsent_at))
    if registration.ffd_version is FfdVersion.V1_05:
        return encode(fields)
    return encode(fields) + element(1157, fn_counters.payload())


def _cashier(cashier: Cashier) -> list[Field]:
    fields: list[Field] = []
    if cashier.name:
        fields.append((1021, cashier.name))
    if cashier.inn:
        fields.append((1203, cashier.inn))
    return fields


def _operator_message(registration: Registration, message: int | None) -> list[Field]:
    if message is None or registration.ffd_version is FfdVersion.V1_05:
        return []
    return [(1206, message)]


def _conditions(registration: Registration) -> int:
    return (
        (_INTERNET_ONLY if registration.internet_only else 0)
        | (_EXCISE if registration.excise_goods else 0)
        | (_MARKED_GOODS if registration.marked_goods else 0)
    )
