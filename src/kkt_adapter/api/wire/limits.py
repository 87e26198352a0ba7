"""The limits of the wire, with their reasons."""

import resource
from dataclasses import dataclass

SLICE_BYTES = 8 * 1024  # the parser is fed so much at a time, so that a head is measured this exactly
_KEPT_FILES = 64  # descriptors left for database, FNs, operators and logs, beside half of the rest
_FEWEST = 16
_MOST_FILES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """Sizes in bytes, times in seconds. Times are looked at once a second."""

    head_bytes: int = 32 * 1024  # request line and headers; nginx and Apache take 32 and 8 KiB
    headers: int = 100  # Apache's default
    target_bytes: int = 8 * 1024  # path and query
    head_deadline_s: float = 10.0  # from the first byte of a request to the end of its headers
    request_deadline_s: float = 30.0  # from its first byte to the last of its body
    idle_s: float = 30.0  # a connection on which nothing is asked
    write_deadline_s: float = 30.0  # a client that does not read its answer
    linger_s: float = 2.0  # after a refusal within a body: the rest is thrown away so long
    linger_bytes: int = 4 * 1024 * 1024
    connections: int = 1000
    connections_per_address: int = 100  # not for loopback and trusted proxies
    reserve: float = 0.25  # of ``connections``, for those on which a valid credential was seen


def raise_file_limit() -> int:
    """Lift the soft limit of open files to the hard one; how many files may be open then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def within_files(connections: int, *, files: int) -> int:
    """``connections``, or fewer where so many ``files`` would leave too few for sales and deliveries."""
    return max(_FEWEST, min(connections, (files - _KEPT_FILES) // 2))
