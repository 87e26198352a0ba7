"""To whom a fault can be done now: what this world has, and what nothing is being done to.

Two faults of one kind on one thing would only wait for each other.
"""

from collections.abc import Callable

from kkt_adapter.lab.world import World


def has_redis(world: World) -> bool:
    return world.redis is not None


def has_postgres(world: World) -> bool:
    return world.postgres is not None


def relays(world: World) -> bool:
    return bool(world.relayed)


def node(world: World) -> bool:
    return any(not node.turn.locked() for node in world.nodes)


def node_to_freeze(world: World) -> bool:
    return node(world) and not world.frozen_turn.locked()


def register(world: World) -> bool:
    return bool(world.idle_registers)


def has_device(brand: str) -> Callable[[World], bool]:
    return lambda world: bool(world.devices.get(brand))


def device(brand: str) -> Callable[[World], bool]:
    return lambda world: bool(world.idle_devices(brand))


def operator_idle(world: World) -> bool:
    return not world.operator_turn.locked()


def clock_idle(world: World) -> bool:
    return not world.clock_turn.locked()


def line_idle(world: World) -> bool:
    return not world.line_turn.locked()


def redis_idle(world: World) -> bool:
    return not world.redis_turn.locked()


def postgres_idle(world: World) -> bool:
    return not world.postgres_turn.locked()
