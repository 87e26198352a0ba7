"""Commands that add tags to the open receipt, to its lines, and to reports and corrections."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import NOTHING, Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.receipt_commands import open_receipt_of
from kkt_adapter.fiscal.ffd.tlv import TlvError, decode
from kkt_adapter.fiscal.kkt.shtrih import requests


def tag(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    _add_tag(machine, data, operator)
    return b""


def _add_tag(machine: ShtrihMachine, tlv: bytes, operator: int) -> None:
    """A tag of the open receipt, or of the shift report or correction that was begun."""
    number = _checked(tlv)
    if number in machine.model.refused_tags:
        raise Fail(0x33, number)
    if machine.receipt is not None:
        if number == 1178 and int(machine.registration.ffd_version) == 4:
            raise Fail(0x33, number)
        open_receipt_of(machine, operator).tags.append(tlv)
    elif machine.begun != NOTHING:
        machine.report_tags.append(tlv)
    else:
        raise Fail(0x02)


def _checked(tlv: bytes) -> int:
    try:
        found = decode(tlv)
    except TlvError as error:
        raise Fail(0x33) from error
    if len(found) != 1:
        raise Fail(0x33)
    return found[0].tag


def load_data(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    if data[0] != requests.DATA_FOR_TLV:
        raise Fail(0x33)
    if data[1] == 0:
        machine.buffer.clear()
    machine.buffer[data[1]] = data[2:]
    return b""


def tag_from_buffer(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    whole = b"".join(machine.buffer[number] for number in sorted(machine.buffer))
    machine.buffer.clear()
    if len(whole) < 4:
        raise Fail(0x33)
    _add_tag(machine, whole[: 4 + int.from_bytes(whole[2:4], "little")], operator)
    return b""


def item_tag(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    receipt = open_receipt_of(machine, operator)
    _checked(data)
    if machine.model.tags_first:
        receipt.next_tags.append(data)
    elif receipt.lines:
        receipt.lines[-1].tags.append(data)
    else:
        raise Fail(0x73)
    return b""


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\xdd": load_data,
    b"\xff\x0c": tag,
    b"\xff\x4d": item_tag,
    b"\xff\x64": tag_from_buffer,
}
