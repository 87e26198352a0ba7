"""A disk that is full, or nearly: nothing is taken, nothing is half done, and it opens again by itself."""

import itertools
import os
import resource
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support.api import Json
from tests.support.books import archive
from tests.support.processes.nodes import (
    Node,
    all_delivered,
    books_agree,
    nodes,
    operator,
    surroundings,
    until,
)
from tests.support.product import sale

from kkt_adapter.fiscal.store import counters

pytestmark = pytest.mark.timeout(300)

ROOM_MB = 400  # what the test takes away and gives back; others on the disk move it by less
MOST_MB = 1_000_000  # the highest low mark that may be set


async def post(node: Node, keys: Iterator[int], *, status: int) -> Json | None:
    """The answer to one more receipt, if it has that status."""
    answer = await node.post(sale(till="A"), key=f"more-{next(keys)}")
    return dict(answer.json()) if answer.status_code == status else None


async def test_below_the_low_mark_receipts_are_refused_and_taken_again_when_there_is_room(
    tmp_path: Path,
) -> None:
    mark_mb = shutil.disk_usage(tmp_path).free // 1_000_000 - ROOM_MB // 2
    if not 0 < mark_mb <= MOST_MB:
        pytest.skip(f"this disk cannot be brought to a low mark: {mark_mb} MB")
    ballast, keys = tmp_path / "ballast", itertools.count()
    async with operator() as ofd:
        environment = surroundings(tmp_path, ofd, KKT_DISK_LOW_MB=str(mark_mb))
        node = Node(name="one", folder=tmp_path, environment=environment, tills=("A",))
        async with nodes(node):
            answers = await node.sell(2, till="A")
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, ROOM_MB * 1_000_000)

            refused = await until(partial(post, node, keys, status=503), "receipts are refused")

            assert (refused["code"], refused["reason"]) == ("BUFFER_FULL", "DISK")
            assert "Buffer full" in refused["detail"]
            made = len(archive(node.settings.fn_dir, "A"))
            assert await post(node, keys, status=503) is not None
            assert len(archive(node.settings.fn_dir, "A")) == made
            assert await node.sell(1, till="A") == answers[:1]  # an answer that is there is still given

            ballast.unlink()
            taken = await until(partial(post, node, keys, status=200), "receipts are taken again")
            assert taken["status"] == "printed"
            await all_delivered(node)
            await books_agree(node, answers, ofd)


async def test_when_nothing_can_be_written_a_receipt_is_refused_whole_and_it_opens_by_itself(
    tmp_path: Path,
) -> None:
    """No file of the process may grow: to it that is a disk without a free block."""
    keys = itertools.count()
    async with operator() as ofd:
        node = Node(name="one", folder=tmp_path, environment=surroundings(tmp_path, ofd), tills=("A",))
        async with nodes(node):
            answers = await node.sell(3, till="A")
            await all_delivered(node)
            made = archive(node.settings.fn_dir, "A")
            resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

            for _ in range(3):
                refused = await post(node, keys, status=503)
                assert refused is not None
                assert refused["code"] in ("STORAGE_ERROR", "BUFFER_FULL")
                assert str(tmp_path) not in refused["detail"]
            health = await node.call("GET", "/v1/health")
            assert health.status_code in (200, 503)
            assert archive(node.settings.fn_dir, "A") == made

            limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(node.pid, resource.RLIMIT_FSIZE, limits)
            taken = await until(partial(post, node, keys, status=200), "receipts are taken again")
            answers += [taken, *await node.sell(2, till="A", first=100)]
            await all_delivered(node)
            await books_agree(node, answers, ofd)
            totals = await node.read(counters.read)
            assert totals.total == len({answer["receipt_id"] for answer in answers})
