"""A world of the lab with nothing in it."""

from collections.abc import Sequence
from pathlib import Path

from kkt_adapter.emulators.link import FlakyLink
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.lab.control_channel import ControlChannel
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.nodes import LabNode
from kkt_adapter.lab.world import World


def empty_world(
    database: Path, *, nodes: Sequence[LabNode] = (), channel: ControlChannel | None = None
) -> World:
    """``channel`` None: one that nobody opens."""
    return World(
        nodes=nodes,
        registers=(),
        devices={},
        channel=channel or ControlChannel(Path("control")),
        operator=OfdEmulator(),
        tcp_link=FlakyLink("127.0.0.1", 0),
        http_link=FlakyLink("127.0.0.1", 0),
        redis=None,
        postgres=None,
        scale=10.0,
        ledger=Ledger(),
        database_file=database,
        http_registers=frozenset(),
    )
