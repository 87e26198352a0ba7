"""A software FN in a file of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.registers.kkt import a_fn

from kkt_adapter.fiscal.kkt.virtual import VirtualFn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fn" / "POS-001.sqlite"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., VirtualFn]]:
    """Opens FNs of this file; all are closed at the end."""
    started: list[VirtualFn] = []

    def begin(**how: object) -> VirtualFn:
        fn = a_fn(path, **how)  # type: ignore[arg-type]
        started.append(fn)
        fn.open()
        return fn

    yield begin
    for fn in started:
        fn.close()
