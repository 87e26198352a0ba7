"""Two nodes on one PostgreSQL, with virtual FNs in a folder that both reach: as on two machines."""

from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.support.processes.nodes import Node, Pair, surroundings

from kkt_adapter.emulators.ofd import OfdEmulator

TILLS = ("A", "B")


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str) -> Pair:
    """Two nodes that share the database and the FNs, and nothing else."""
    shared = {
        "DATABASE_URL": postgres_url,
        "KKT_VIRTUAL_DIR": str(tmp_path / "fn"),
        "AUTH_SECRET": token_hex(32),
    }

    def make(ofd: OfdEmulator, *, changes: dict[str, str] | None = None, **named: Any) -> tuple[Node, Node]:
        one, other = (
            Node(
                name=name,
                folder=tmp_path / name,
                environment=surroundings(tmp_path / name, ofd, **shared, **(changes or {})),
                tills=TILLS,
                **named,
            )
            for name in ("one", "other")
        )
        return one, other

    return make
