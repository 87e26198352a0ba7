"""Choosing faults by seed and doing several of them at once, until enough have hit."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random

from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.menu import MENU
from kkt_adapter.lab.world import World

AT_ONCE = 12  # faults in force at the same time
OWED_SHARE = 0.5  # of the choices, while there are kinds that have not hit
LOOK_EVERY_S = 0.25  # real: whether enough was seen
OWED_S = 60.0  # real: how long kinds that have not hit are tried when enough faults have
FAULT_LIMIT_S = 120.0  # real seconds; one that takes longer means that something is stuck


@dataclass(slots=True)
class FaultStats:
    """What was done: by kind, and by what exactly was hit."""

    hit: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)  # found nobody to hit
    stuck: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # the lab's own part of it failed

    @property
    def total(self) -> int:
        return sum(self.hit.values())


class Injector:
    """``gap_s``: real seconds between two beginnings, on average."""

    def __init__(
        self,
        world: World,
        *,
        seed: int,
        gap_s: float,
        only: frozenset[str] | None = None,
        each: bool = False,
    ) -> None:
        """``only``: names of the kinds to choose from; None: all that this world has. ``each``: not before
        every kind has hit once, or has been tried for long enough."""
        self.stats = FaultStats()
        self._world = world
        self._rng = Random(seed)
        self._gap_s = gap_s
        self._each = each
        self._menu = [kind for kind in MENU if kind.needs(world) and (only is None or kind.name in only)]
        self._enough_at: float | None = None  # when ``faults`` had hit
        self._owed = self._rng.sample(self._menu, k=len(self._menu))  # kinds that have not hit so far

    async def inject(self, faults: int, *, limit_s: float) -> None:
        """Until ``faults`` have hit, ``limit_s`` real seconds are over, a node does not come up again, or
        enough was seen."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        running: set[asyncio.Task[None]] = set()
        try:
            while self._goes_on(faults, running) and loop.time() < until and not self._world.is_over:
                if len(running) >= AT_ONCE or not self._may_begin(faults, running=len(running)):
                    left_s = min(LOOK_EVERY_S, max(0.0, until - loop.time()))
                    done, running = await asyncio.wait(
                        running, return_when=asyncio.FIRST_COMPLETED, timeout=left_s
                    )
                    for task in done:
                        task.result()
                    continue
                kind = self._choose(faults, running=len(running))
                if kind is not None and kind.free(self._world):
                    running.add(asyncio.create_task(self._one(kind, Random(self._rng.getrandbits(64)))))
                await asyncio.sleep(self._rng.expovariate(1 / self._gap_s))
                running = {task for task in running if not task.done()}
            until = loop.time() + FAULT_LIMIT_S
            while running and loop.time() < until and not self._world.broken.is_set():
                _, running = await asyncio.wait(running, timeout=LOOK_EVERY_S)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _goes_on(self, faults: int, running: Collection[object]) -> bool:
        """A kind that misses is owed again."""
        if self.stats.total < faults:
            return True
        now = asyncio.get_running_loop().time()
        self._enough_at = now if self._enough_at is None else self._enough_at
        return self._each and bool(self._owed or running) and now < self._enough_at + OWED_S

    def _may_begin(self, faults: int, *, running: int) -> bool:
        return self.stats.total + running < faults or (self._each and bool(self._owed))

    def _choose(self, faults: int, *, running: int) -> FaultKind | None:
        """By weight; in between, until each kind has hit once, one that has not. None: only those are wanted,
        and they can be done to nobody now."""
        owed = next((kind for kind in self._owed if kind.free(self._world)), None)
        is_enough = self.stats.total + running >= faults
        if owed is not None and (is_enough or self._each or self._rng.random() < OWED_SHARE):
            self._owed.remove(owed)
            return owed
        if is_enough:
            return None
        return self._rng.choices(self._menu, weights=[kind.weight for kind in self._menu])[0]

    async def _one(self, kind: FaultKind, rng: Random) -> None:
        try:
            async with asyncio.timeout(FAULT_LIMIT_S):
                hit = await kind.work(self._world, rng)
        except TimeoutError:
            self.stats.stuck.append(kind.name)
            return
        except Exception as error:  # nobody waits for this task: it would be lost
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.stats.broken.append(f"{kind.name}: {error!r} ({where.name}, line {where.lineno})")
            return
        if hit is None:
            self.stats.missed[kind.name] += 1
            if not self.stats.hit[kind.name] and kind not in self._owed:
                self._owed.append(kind)
        else:
            self.stats.hit[kind.name] += 1
