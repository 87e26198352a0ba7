"""Which command is what: codes, passwords, and the answer's frame around what a handler returns."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih import (
    correction_commands,
    fn_commands,
    line_commands,
    mark_commands,
    receipt_commands,
    status_commands,
    tag_commands,
)
from kkt_adapter.emulators.shtrih.machine import ADMIN, SYSTEM_ADMIN, Fail, ShtrihMachine
from kkt_adapter.fiscal.kkt.shtrih import modes
from kkt_adapter.fiscal.kkt.shtrih.requests import PASSWORDLESS, command_of
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer, u2

Handler = Callable[[ShtrihMachine, bytes, int], bytes]
"""Machine, parameters behind the password, row of the operator: the data behind the error byte."""

HANDLERS: Mapping[bytes, Handler] = {
    **status_commands.HANDLERS,
    **receipt_commands.HANDLERS,
    **line_commands.HANDLERS,
    **tag_commands.HANDLERS,
    **correction_commands.HANDLERS,
    **mark_commands.HANDLERS,
    **fn_commands.HANDLERS,
}
_WHILE_DUMPING = frozenset({b"\x03", b"\x10", b"\x11", b"\xfc", b"\xf7", b"\xff\x3a", b"\xff\x3b"})
_SYSTEM_ADMIN_ONLY = frozenset({b"\x1e", b"\x21", b"\x22", b"\x23"})
_ADMINS_ONLY = frozenset({b"\x40", b"\x41"})
_OPEN_PASSWORDS = PASSWORDLESS | {b"\x16"}
NOT_SUPPORTED = 0x37


def execute(machine: ShtrihMachine, body: bytes) -> bytes:
    """The answer's body; every error ends here."""
    command = command_of(body)
    try:
        return command + b"\0" + _execute(machine, command, body)
    except Fail as fail:
        return command + failure(machine, fail)
    except (BadShtrihAnswer, ValueError, IndexError, OverflowError):
        return command + failure(machine, Fail(0x33))


def failure(machine: ShtrihMachine, fail: Fail) -> bytes:
    if not machine.model.four_byte_errors or not fail.sub_code:
        return bytes((fail.code,))
    return bytes((fail.code,)) + u2(fail.sub_code) + bytes((fail.code, 0))


def _execute(machine: ShtrihMachine, command: bytes, body: bytes) -> bytes:
    handler = HANDLERS.get(command)
    if handler is None or (command == b"\xf7" and machine.model.bits is None):
        raise Fail(NOT_SUPPORTED)
    parameters, operator = body[len(command) :], 0
    if command not in _OPEN_PASSWORDS:
        operator = machine.tables.operator_of(int.from_bytes(parameters[:4], "little")) or 0
        parameters = parameters[4:]
        if not operator:
            raise Fail(0x4F)
        _check_rights(command, operator)
    if machine.mode == modes.DUMP and command not in _WHILE_DUMPING:
        raise Fail(0x73)
    return handler(machine, parameters, operator)


def _check_rights(command: bytes, operator: int) -> None:
    if command in _SYSTEM_ADMIN_ONLY and operator != SYSTEM_ADMIN:
        raise Fail(0x4F)
    if command in _ADMINS_ONLY and operator not in (ADMIN, SYSTEM_ADMIN):
        raise Fail(0x4F)
