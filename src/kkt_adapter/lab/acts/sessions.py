"""A report for a session that is not open: refused, and nothing is closed."""

import asyncio
from random import Random

from kkt_adapter.lab.acts.asking import Json, ask_any
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.world import World

FOREIGN = "session of the lab that nobody opened"
REPORTS = ("x_report", "z_report")
OPENING = 1_000  # rubles
REFUSED = 409
TRIES, PAUSE_S = 20, 0.2  # real


async def foreign_session(world: World, rng: Random) -> str | None:
    """A till that still has the name of yesterday's session. Another till may close the present one at any
    moment, and then the name does not matter: only a report that was made in spite of it is a finding."""
    till, report = rng.choice(world.tills), rng.choice(REPORTS)
    before = await _opened(world, till.pos_id)
    if before is None:
        return None
    made = await ask_any(world, "POST", f"/v1/kkt/{report}", {"pos_id": till.pos_id, "session_id": FOREIGN})
    if made is None:
        return None
    status, answer = made
    if status == REFUSED and FOREIGN in str(answer):
        return report
    after = await _session(world, till.pos_id)
    if status != 200 or after is None or after["session_id"] != before["session_id"]:
        return None
    if not _is_its(answer, after):
        return None
    text = f"{report} for another session was made on {till.pos_id}, whose open one is "
    world.wrong.append(text + before["session_id"])
    return report


async def _opened(world: World, pos_id: str) -> Json | None:
    """A session that is open, once a node answers."""
    for _ in range(TRIES):
        await ask_any(world, "POST", "/v1/pos/session/open", {"pos_id": pos_id, "opening_cash": OPENING})
        found = await _session(world, pos_id)
        if found is not None and found["status"] == "open":
            return found
        await asyncio.sleep(PAUSE_S)
    return None


def _is_its(report: Json, session: Json) -> bool:
    """Was the session open when this report was made? It still is, or the report has closed it."""
    if session["status"] == "open":
        return True
    closed_by = session["z_report"]
    number = report.get("fiscalDocumentNumber")
    return number is not None and closed_by is not None and closed_by.get("fiscalDocumentNumber") == number


async def _session(world: World, pos_id: str) -> Json | None:
    found = await ask_any(world, "GET", f"/v1/pos/session/{pos_id}")
    return None if found is None or found[0] != 200 else found[1]


FOREIGN_SESSION = FaultKind(name="report for another session", weight=2, work=foreign_session)
