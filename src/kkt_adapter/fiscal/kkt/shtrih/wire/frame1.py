"""Low-level protocol 1 ("standard"): control bytes, and frames of STX, length, body and LRC.

Source: Shtrih-M protocol, sections "Low-level protocol" (docs/reference/shtrih-m.md, Frames).
"""

STX = 0x02
ENQ = 0x05
ACK = 0x06
NAK = 0x15
NOISE = 0xFF  # some devices send one after the host's ACK; it means nothing

MAX_BODY = 255  # bytes; the length is one byte
OVERHEAD = 3  # STX, length and LRC


def lrc(data: bytes) -> int:
    """XOR of all bytes; over the length and the body of a frame, without STX."""
    check = 0
    for byte in data:
        check ^= byte
    return check


def frame(body: bytes) -> bytes:
    """Raises ValueError when the body is empty or longer than ``MAX_BODY``."""
    if not 1 <= len(body) <= MAX_BODY:
        raise ValueError(f"a body of {len(body)} bytes does not fit into a frame of protocol 1")
    counted = bytes((len(body),)) + body
    return bytes((STX,)) + counted + bytes((lrc(counted),))


def body_of(whole: bytes) -> bytes | None:
    """The body of one whole frame; None when it is cut, too long, or its LRC is wrong."""
    if len(whole) < OVERHEAD + 1 or whole[0] != STX or len(whole) != whole[1] + OVERHEAD:
        return None
    return whole[2:-1] if lrc(whole[1:-1]) == whole[-1] else None
