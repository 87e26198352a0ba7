"""The messages of one register, with everything ready that is the same in all of them.

What ``frame.build_message`` makes of the same values without a check code, in half the time: a virtual FN
makes one for every receipt.
"""

from struct import Struct

from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.container import (
    FORMAT_VERSION,
    SERVICE_DATA_1,
    ContainerType,
    bcd,
    number_field,
    packed,
    trailer,
)
from kkt_adapter.fiscal.ofd.session import P_VERSIONS, SessionHeader, header_bytes

_SIZE = Struct("<H")
_SIZE_AT = 24  # of the body, in the session header


class MessageForm:
    """Raises FrameError for no FN number."""

    def __init__(self, fn_number: str, ffd_version: FfdVersion) -> None:
        header = SessionHeader(fn_number=fn_number, body_size=0, p_version=P_VERSIONS[ffd_version])
        head = header_bytes(header, b"")
        self._before_size, self._after_size = head[:_SIZE_AT], head[_SIZE_AT + _SIZE.size :]
        self._fn_bcd = bcd(fn_number)

    def message(
        self, *, fd_number: int, code: int, document: bytes, service_data_2: bytes, sign: bytes
    ) -> bytes:
        """``document`` is the whole TLV element with tag ``code``; ``sign`` 6 bytes.

        Raises:
            FrameError: document over 32 KiB, number over 24 bits, service data that is not 10 bytes.
        """
        body = packed(
            ContainerType.TO_OPERATOR,
            code,
            FORMAT_VERSION,
            SERVICE_DATA_1,
            self._fn_bcd,
            number_field(fd_number),
            service_data_2,
            len(document),
            document,
            trailer(ContainerType.TO_OPERATOR, sign),
        )
        return b"".join((self._before_size, _SIZE.pack(len(body)), self._after_size, body))
