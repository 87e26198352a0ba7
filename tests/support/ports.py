"""Ports for servers that tests start, reserved for the life of the test process."""

from kkt_adapter.lab.ports import ReservedPort

_reserved: list[ReservedPort] = []


def free_port() -> int:
    """A loopback port where nothing listens and which no other process is given until this one ends."""
    port = ReservedPort()
    _reserved.append(port)
    return port.number
