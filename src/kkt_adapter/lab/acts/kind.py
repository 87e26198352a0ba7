"""One kind of fault, as the injector chooses it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from kkt_adapter.lab.world import World

Work = Callable[[World, Random], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    name: str
    weight: int
    work: Work
    needs: Callable[[World], bool] = lambda world: True  # what this world must have
    free: Callable[[World], bool] = lambda world: True  # is there somebody now to whom it can be done?
