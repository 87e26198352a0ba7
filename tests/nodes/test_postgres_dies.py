"""PostgreSQL dies under a node and comes back: nothing is taken meanwhile, and it goes on by itself."""

import tempfile
from functools import partial
from pathlib import Path
from secrets import token_hex

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
from tests.support.services import postgres_server

pytestmark = pytest.mark.timeout(300)


async def test_a_till_is_told_and_its_key_is_taken_when_the_database_is_back(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="kkt-pg-") as home, postgres_server(Path(home)) as postgres:
        async with operator() as ofd:
            shared = {"DATABASE_URL": postgres.url(), "AUTH_SECRET": token_hex(32)}
            environment = surroundings(tmp_path, ofd, **shared)
            node = Node(name="one", folder=tmp_path, environment=environment, tills=("A",))
            async with nodes(node):
                answers = await node.sell(2, till="A")
                await all_delivered(node)
                made = len(archive(node.settings.fn_dir, "A"))

                postgres.stop()
                refused = await node.post(sale(till="A"), key="meanwhile")
                assert (refused.status_code, refused.json()["code"]) == (503, "STORAGE_ERROR")
                health = await node.call("GET", "/v1/health")
                assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
                assert (await node.call("GET", "/health")).status_code == 200
                assert len(archive(node.settings.fn_dir, "A")) == made

                postgres.start()
                answers.append(await until(partial(accepted, node), "the same key is taken"))
                answers += await node.sell(2, till="A", first=10)
                await all_delivered(node)
                await books_agree(node, answers, ofd)


async def accepted(node: Node) -> Json | None:
    answer = await node.post(sale(till="A"), key="meanwhile")
    return dict(answer.json()) if answer.status_code == 200 else None
