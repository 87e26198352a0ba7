"""The operator's answers: good ones in two shapes, and the ways in which they are spoilt on purpose."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import assert_never

from kkt_adapter.emulators.ofd.faults import FaultDecision, OfdFaultMode
from kkt_adapter.emulators.ofd.message import Received
from kkt_adapter.fiscal.kkt.virtual.identity import OFD_INN
from kkt_adapter.fiscal.ofd.frame import HEADER_BYTES, Message, build_loose_reply, build_reply

_SIGN_PREFIX = b"\x88\x06"  # of tag 1078, as captured
_CRC_AT = HEADER_BYTES + 2  # check code of the container


class ReplyShape(StrEnum):
    OPERATOR = "operator"  # as real operators answer
    LOOSE = "loose"  # as test operators do: see docs/reference/ofd-emulator.md


def reply_bytes(received: Received, decision: FaultDecision, *, shape: ReplyShape, now: datetime) -> bytes:
    """The answer to a message; ``now`` is aware. All signs are made up from the message itself."""
    response_code = decision.code if decision.mode is OfdFaultMode.CODE else received.response_code
    request, fd_number = received.message, received.fd_number
    if decision.mode is OfdFaultMode.WRONG_FN:
        request = _about_another_drive(request)
    if decision.mode is OfdFaultMode.WRONG_NUMBER:
        fd_number = fd_number - 1 or 2
    answer = _build(request, fd_number, response_code, shape=shape, now=now)
    if decision.mode is OfdFaultMode.BAD_CRC:
        return answer[:_CRC_AT] + bytes((answer[_CRC_AT] ^ 0xFF,)) + answer[_CRC_AT + 1 :]
    if decision.mode is OfdFaultMode.HALF_ANSWER:
        return answer[: len(answer) // 2]
    return answer


def _build(
    request: Message, fd_number: int, response_code: int, *, shape: ReplyShape, now: datetime
) -> bytes:
    match shape:
        case ReplyShape.OPERATOR:
            noise = _noise(request, fd_number)
            return build_reply(
                request,
                fd_number=fd_number,
                ofd_inn=OFD_INN,
                replied_at=now.astimezone().replace(tzinfo=None),
                operator_sign=_SIGN_PREFIX + noise[:6],
                service_data_2=noise[6:14] + b"\x00\x02",
                sign=noise[14:20],
                response_code=response_code,
            )
        case ReplyShape.LOOSE:
            return build_loose_reply(
                request,
                fd_number=fd_number,
                ofd_inn=OFD_INN,
                replied_at=now.astimezone(UTC).replace(tzinfo=None),
                response_code=response_code,
            )
        case _:
            assert_never(shape)


def _noise(request: Message, fd_number: int) -> bytes:
    seed = f"{request.header.fn_number} {fd_number}".encode()
    return blake2b(seed, digest_size=20).digest()


def _about_another_drive(request: Message) -> Message:
    number = request.header.fn_number
    other = number[:-1] + str((int(number[-1]) + 1) % 10)
    return replace(request, header=replace(request.header, fn_number=other))
