"""``attacks``: how long a sale takes while somebody attacks the edge, beside the same sales in peace.

One product for all of a round. Eight tills sell at a steady pace; before each attack they are measured
in peace, so that both figures of a ratio come from the same moment of the machine.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.attack import ATTACKS
from bench.load import InvalidRun, Outcome, Wanted, run
from bench.method import Method
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim

TILLS = 8
PAUSE_S = 0.05  # between an answer and the next sale of a till: a busy shop, not a full processor
SETTLED_S = 0.5  # the attack runs so long before the sales that count
MEMORY_MB = 64.0  # at most so much more memory after an attack than before it


@dataclass(slots=True)
class Found:
    """Of one attack, a value per round."""

    slower: list[float] = field(default_factory=list)
    p95_ms: list[float] = field(default_factory=list)
    grown_mb: list[float] = field(default_factory=list)


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    found = {name: Found() for name in ATTACKS}
    peace_ms: list[float] = []
    for number in range(1, method.rounds + 1):
        folder = method.folder / "attacks"
        shutil.rmtree(folder, ignore_errors=True)
        with product(folder, TILLS) as server:
            _sales(server, method)  # caches are filled, shifts are open
            for name, one in found.items():
                say(f"attacks, round {number} of {method.rounds}: {name}")
                peace, before_mb = _sales(server, method).latency(0.95), server.memory_mb()
                beside = _attacked(server, method, name).latency(0.95)
                one.slower.append(beside / peace)
                one.p95_ms.append(beside * 1000)
                one.grown_mb.append(server.memory_mb() - before_mb)
                peace_ms.append(peace * 1000)
    report.note("attacks: p95 of a sale in peace", "ms", peace_ms)
    for letter, (name, one) in zip("abcdefgh", found.items(), strict=True):
        report.note(f"attacks: p95 of a sale beside {name}", "ms", one.p95_ms)
        report.add(
            Target(row=f"36{letter}", what=f"p95 of a sale beside {name} / in peace", must=2, at_least=False),
            one.slower,
        )
    report.add(
        Target(row="37", what="memory after an attack, MB more than before", must=MEMORY_MB, at_least=False),
        (max(one.grown_mb[number] for one in found.values()) for number in range(method.rounds)),
    )


def _sales(server: Server, method: Method) -> Outcome:
    wanted = Wanted(connections=TILLS, warm_up_s=SETTLED_S, measured_s=2 * method.measured_s, pause_s=PAUSE_S)
    return run(server.port, wanted)


def _attacked(server: Server, method: Method, name: str) -> Outcome:
    """The same sales beside the attacker, which begins before them and outlasts them."""
    command = [sys.executable, "-m", "bench.attack", name, "--port", str(server.port), "--seconds", "600"]
    attacker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        outcome = _sales(server, method)
        if attacker.poll() is not None:
            raise InvalidRun(f"the attacker ended: {name}")
        return outcome
    except InvalidRun as fault:
        raise InvalidRun(f"beside {name}: {fault}") from None
    finally:
        attacker.kill()
        attacker.wait()
