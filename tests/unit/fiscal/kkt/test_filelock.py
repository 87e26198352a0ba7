"""The lock that keeps a second process from an FN."""

import os
import socket
from pathlib import Path

import pytest

from kkt_adapter.fiscal.kkt.virtual.filelock import FnFileLock
from kkt_adapter.kernel.errors import KktUnavailable


def test_only_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "fn.lock"
    first, second = FnFileLock(path), FnFileLock(path)
    first.take()
    first.take()

    with pytest.raises(KktUnavailable) as refused:
        second.take()

    facts = refused.value.facts
    assert (facts["holder_pid"], facts["holder_host"]) == (os.getpid(), socket.gethostname())
    assert str(path) in refused.value.detail.ru
    first.release()
    first.release()
    second.take()
    second.release()


def test_a_holder_that_left_no_name_is_no_obstacle_to_saying_so(tmp_path: Path) -> None:
    path = tmp_path / "fn.lock"
    holder = FnFileLock(path)
    holder.take()
    path.write_text("")

    with pytest.raises(KktUnavailable) as refused:
        FnFileLock(path).take()

    assert refused.value.facts["holder_pid"] is None
    holder.release()


def test_a_lock_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KktUnavailable, match=r"fn\.lock"):
        FnFileLock(tmp_path / "missing" / "fn.lock").take()
