"""An operator that answers nonsense: no lane, no worker and no service goes down, and nothing is lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.product import Product, product

SEEDS = (1, 2, 3)
ANSWERS = 15  # nonsense answers of each seed

Spoil = Callable[[random.Random, bytes], bytes]


def noise(chance: random.Random, answer: bytes) -> bytes:
    return chance.randbytes(chance.choice((1, 29, 30, 31, 200, 5000)))


def cut(chance: random.Random, answer: bytes) -> bytes:
    return answer[: chance.randrange(len(answer))]


def flipped(chance: random.Random, answer: bytes) -> bytes:
    spoilt = bytearray(answer)
    for _ in range(chance.randint(1, 4)):
        spoilt[chance.randrange(len(spoilt))] ^= chance.randint(1, 255)
    return bytes(spoilt)


def longer(chance: random.Random, answer: bytes) -> bytes:
    return answer + chance.randbytes(chance.randint(1, 40))


@asynccontextmanager
async def between(port: int, spoil: Callable[[bytes], bytes | None]) -> AsyncIterator[int]:
    """A line to the operator whose answers are changed: its port. ``None`` leaves an answer as it is."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        try:
            while question := await reader.read(65536):
                ours.write(question)
                answer = await theirs.read(65536)
                spoilt = spoil(answer) if answer else None
                writer.write(answer if spoilt is None else spoilt)
                await writer.drain()
                if spoilt is not None or not answer:
                    break
        except OSError:
            pass  # either end has hung up
        finally:
            writer.close()
            ours.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def is_well(running: Product) -> bool:
    """Every service runs, and none had to be started again."""
    states = running.services.supervisor.states
    return all(state.running and state.restarts == 0 for state in states.values())


@pytest.mark.parametrize("seed", SEEDS)
async def test_nonsense_from_the_operator_takes_nothing_down(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    left = ANSWERS

    def spoil(answer: bytes) -> bytes | None:
        nonlocal left
        if left == 0:
            return None
        left -= 1
        return chance.choice((noise, cut, flipped, longer))(chance, answer)

    async with product(tmp_path) as running, between(running.ofd.port, spoil) as port:
        await running.restart(ofd_port=port, max_attempts=1000, breaker_failures=1000, ofd_timeout_s=0.2)

        async def all_told() -> bool:
            (answer,) = await running.sell(1)
            assert answer["status"] == "printed"
            await running.call("POST", "/v1/kkt/buffer/sync?force=true")
            assert is_well(running)
            return left == 0

        async def forced() -> bool:
            """A pass that ignores due times, which may be a minute away; not while another pass runs."""
            answer = await running.call("POST", "/v1/kkt/buffer/sync?force=true")
            return answer.status_code == 200 and answer.json()["remaining"] == 0

        await running.until(all_told)
        await running.until(forced)
        await running.delivered()
        assert is_well(running)
        assert (await running.status())["dlq_size"] == 0
        await running.check_books()
