"""Writing down what relay lanes do: results of several documents of an FN and the claims on the next ones.

One commit serves all lanes that wait, and one statement for each table. Every result names its claim's owner
and number, as in ``results``; what is over changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from kkt_adapter.fiscal.delivery import claims
from kkt_adapter.fiscal.delivery.claims import BlockRequest, Claim
from kkt_adapter.fiscal.delivery.results import Additions, Failed, Synced, write_failed, write_synced
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.errors import LeaseLost
from kkt_adapter.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStep:
    """What one lane has to write, and what it wants to send next."""

    done: tuple[Synced, ...] = ()
    failed: Failed | None = None
    back: tuple[Claim, ...] = ()  # claims on documents that were not sent after all
    claim: BlockRequest | None = None


def step(conn: Connection, steps: Sequence[BlockStep]) -> list[list[Claim] | Exception]:
    """For each lane: write what it has to say, then claim; what is claimed, in the order of documents.

    Raises:
        LeaseLost: a claim is over whose document is among the delivered ones. In a group of several its
            caller gets it alone: the group is repeated step by step.
    """
    counters.lock(conn)
    added = Additions()
    lost: dict[int, LeaseLost] = {}  # by the step's place
    write_synced(conn, [result for one in steps for result in one.done], added)
    for place, one in enumerate(steps):
        if one.failed is not None:
            try:
                write_failed(conn, one.failed, added)
            except LeaseLost as error:
                lost[place] = error
    added.claimed(-claims.give_back(conn, [claim for one in steps for claim in one.back]))
    wanted = [one.claim for place, one in enumerate(steps) if one.claim and place not in lost]
    claimed = claims.take_blocks(conn, wanted)
    added.claimed(sum(len(block) for block in claimed.values()))
    added.write(conn)
    return [
        lost.get(place) or (claimed.pop(one.claim.fn_number, []) if one.claim else [])
        for place, one in enumerate(steps)
    ]
