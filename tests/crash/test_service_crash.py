"""The whole service under kill -9 while several clients sell on several tills.

After every kill it is started again on the same files, and clients repeat what they got no answer for. In the
end four books are compared: what clients were told, our rows and counters, the archive of every FN, and the
operator's book.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.books import archive, compare_books
from tests.support.processes.service import ServiceProcess, service_process
from tests.support.product import sale

from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts, receipts
from kkt_adapter.runtime.db.open import open_database

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

TILLS = ("A", "B", "C")
CLIENTS = 6
ROUNDS = int(os.environ.get("KKT_CRASH_ROUNDS", "3"))  # kills for each transport
SEED = int(os.environ.get("KKT_CRASH_SEED", "0")) or time.time_ns()


@dataclass
class Till:
    """A client: sells without a pause, and keeps what it was told and what it does not know."""

    name: str
    client: int
    rng: random.Random
    told: dict[str, Json] = field(default_factory=dict)  # key -> answer
    unsure: dict[str, Json] = field(default_factory=dict)  # key -> body that got no answer
    posted: int = 0

    async def sell(self, base_url: str, stop: asyncio.Event, *, n: int | None = None) -> None:
        """Until ``stop``, until ``n`` were answered, or until the service is gone."""
        async with httpx2.AsyncClient(base_url=base_url, timeout=20.0) as client:
            for key, body in list(self.unsure.items()):
                if not await self._post(client, key, body):
                    return
            while not stop.is_set() and (n is None or len(self.told) < n):
                self.posted += 1
                body = sale(till=self.name, kop=self.rng.choice((100, 100, 2_550)))
                if not await self._post(client, f"{self.name}-{self.client}-{self.posted}", body):
                    return

    async def _post(self, client: httpx2.AsyncClient, key: str, body: Json) -> bool:
        self.unsure[key] = body
        try:
            answer = await client.post(
                "/v1/kkt/receipt",
                content=json.dumps(body),
                headers={"Idempotency-Key": key, "Content-Type": "application/json"},
            )
        except httpx2.TransportError:
            return False
        assert answer.status_code == 200, answer.text
        before, now = self.told.get(key), answer.json()
        if before is not None:
            assert before["receipt_id"] == now["receipt_id"]
        self.told[key] = now
        del self.unsure[key]
        return True


@pytest.fixture
def rng() -> random.Random:
    print(f"KKT_CRASH_SEED={SEED}")  # shown when the test fails
    return random.Random(SEED)


@pytest.mark.parametrize("transport", ["relay", "http"])
async def test_nothing_is_lost_or_doubled_by_kills_at_any_moment(
    tmp_path: Path, rng: random.Random, transport: str
) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    tills = [Till(TILLS[i % len(TILLS)], i, random.Random(rng.random())) for i in range(CLIENTS)]
    try:
        async with service_process(
            tmp_path / "service", tills=TILLS, ofd=ofd, OFD_TRANSPORT=transport
        ) as service:
            for _ in range(ROUNDS):
                service.start()
                await service.ready()
                await disturb(ofd, rng)
                await sell_until_killed(service, tills, rng)
            await ofd.set_faults()
            service.start()
            assert await service.ready() < 20
            for till in tills:  # whoever got no answer asks again
                done = asyncio.Event()
                done.set()
                await till.sell(service.base_url, done)
                assert not till.unsure
            await all_delivered(service)
            await replays_are_the_same(service, tills)
            assert service.terminate() == 0, service.log()
            await compare(service, tills, ofd)
    finally:
        await ofd.stop()


async def disturb(ofd: OfdEmulator, rng: random.Random) -> None:
    """Mostly nothing; sometimes answers get lost, late, or do not come."""
    mode = rng.choice((None, None, OfdFaultMode.CLOSE, OfdFaultMode.SLOW, OfdFaultMode.HALF_ANSWER))
    if mode is None:
        await ofd.set_faults()
    else:
        await ofd.set_faults(OfdFault(mode=mode, count=2, delay_s=0.05))


async def sell_until_killed(service: ServiceProcess, tills: Sequence[Till], rng: random.Random) -> None:
    stop = asyncio.Event()
    selling = [asyncio.create_task(till.sell(service.base_url, stop)) for till in tills]
    enough = told(tills) + rng.choice((0, 1, 5, 20, 50))
    until = time.monotonic() + 5
    while told(tills) < enough and time.monotonic() < until:  # noqa: ASYNC110 - the moment is to be random
        await asyncio.sleep(0.005)
    await asyncio.sleep(rng.uniform(0, 0.05))
    service.kill()
    stop.set()
    await asyncio.gather(*selling)


def told(tills: Sequence[Till]) -> int:
    return sum(len(till.told) for till in tills)


async def all_delivered(service: ServiceProcess) -> None:
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60.0) as client:
        until = time.monotonic() + 120
        while True:
            status = (await client.get("/v1/kkt/buffer/status")).json()
            if status["synced"] == status["total_receipts"]:
                assert status["dlq_size"] == status["failed"] == 0
                return
            assert time.monotonic() < until, f"{status} {service.log()}"
            await asyncio.sleep(0.1)


async def replays_are_the_same(service: ServiceProcess, tills: Sequence[Till]) -> None:
    """A key that was answered ``printed`` gets the same document again, over any number of kills."""
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60.0) as client:
        for till in tills:
            for key, answer in list(till.told.items())[::7]:
                found = await client.get("/v1/kkt/receipt", params={"idempotency_key": key})
                assert found.status_code == 200
                assert found.json()["id"] == answer["receipt_id"]
                if answer["status"] == "printed":
                    assert found.json()["fiscal_doc_id"] == answer["fiscal_doc_id"]


async def compare(service: ServiceProcess, tills: Sequence[Till], ofd: OfdEmulator) -> None:
    settings = service.settings
    database = open_database(settings.database)
    try:
        assert await database.read(counters.verify) == {}
        rows = await database.read(lambda c: c.execute(select(receipts).order_by(receipts.c.seq)).all())
        open_attempts = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
        still_open = await database.read(lambda c: c.execute(open_attempts).all())
    finally:
        await database.close()
    assert not still_open, "every attempt has its result"
    answers = [answer for till in tills for answer in till.told.values()]
    assert len({answer["receipt_id"] for answer in answers}) == len(answers)
    assert len(rows) == len(answers), "every stored receipt was told to somebody by now"
    archives = {till: archive(settings.fn_dir, till) for till in TILLS}
    http = service.environment.get("OFD_TRANSPORT") == "http"
    compare_books(rows=rows, answers=answers, archives=archives, operator=ofd.state(), http=http)
    documents = Counter((row.fn_number, row.fiscal_doc_number) for row in rows)
    assert set(documents.values()) == {1}
    operator = ofd.state()
    assert operator["by_code"]["3"] == len(rows)
    if not http:  # there the operator gets receipts alone
        assert operator["unique"] == sum(len(documents) for documents in archives.values())
    assert rows, "the clients sold nothing"


async def test_two_hundred_waiting_receipts_are_there_soon_after_a_kill(tmp_path: Path) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        await ofd.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
        till = Till("A", 0, random.Random(1))
        async with service_process(tmp_path / "service", tills=("A",), ofd=ofd) as service:
            service.start()
            await service.ready()
            await till.sell(service.base_url, asyncio.Event(), n=200)
            service.kill()
            service.start()
            assert await service.ready() <= 15  # 5 s on a machine of its own
            await ofd.set_faults()
            await all_delivered(service)
            service.kill()
            await replayable(service, till)
    finally:
        await ofd.stop()


async def replayable(service: ServiceProcess, till: Till) -> None:
    database = open_database(service.settings.database)
    try:
        assert await database.read(counters.verify) == {}
        kept = await database.read(lambda c: set(c.execute(select(receipts.c.id)).scalars()))
    finally:
        await database.close()
    assert {answer["receipt_id"] for answer in till.told.values()} <= kept
