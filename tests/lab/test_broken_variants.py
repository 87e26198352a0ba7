"""The lab bites: each broken variant of the product makes it fail, and for the right reason.

``test_runs`` has the same faults hit the product as it is, and nothing is found: what is found here is the
variants' fault.
"""

import re
from collections.abc import Sequence

import pytest
from tests.lab import variant_nodes
from tests.lab.variants import VARIANTS, runs
from tests.support.processes.lab import run_labs

from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.plan import LabPlan

pytestmark = [
    pytest.mark.crash,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

AT_ONCE = 5  # labs
SETTLES_S = 4.0  # some never do


def alone(run: str, name: str) -> LabPlan:
    """Only the faults, and only at the points, at which this variant breaks; and no longer than it takes."""
    variant = VARIANTS[name]
    return LabPlan(
        seed=1,
        faults=variant.count,
        name=run,
        nodes=variant.nodes,
        only=variant.faults,
        first=True,
        points=tuple(variant.points),
        devices=variant.devices,
        registers=variant.registers,
        doors=variant.doors,
        demo=variant.demo,
        limit_s=120.0,
        settle_s=SETTLES_S,
    )


def together(run: str, names: Sequence[str]) -> LabPlan:
    """Every fault of these variants at least once."""
    faults = frozenset().union(*(VARIANTS[name].faults for name in names))
    return LabPlan(
        seed=1,
        faults=1,
        name=run,
        only=faults,
        each=True,
        registers=3,  # one for each way to the operator
        demo=True,
        limit_s=120.0,
        settle_s=SETTLES_S,
    )


@pytest.fixture(scope="module")
def certificates() -> dict[str, Certificate]:
    """All runs, several at a time; those of several variants take longest, and go first."""
    several = {run: together(run, names) for run, names in runs().items() if len(names) > 1}
    plans = several | {run: alone(run, *names) for run, names in runs().items() if len(names) == 1}
    return run_labs(plans, at_once=AT_ONCE, nodes=variant_nodes.COMMAND)


def test_there_are_enough_variants_to_trust_the_lab():
    assert len(VARIANTS) >= 29


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_variant_is_caught(name: str, certificates: dict[str, Certificate]):
    variant = VARIANTS[name]
    certificate = certificates[variant.run or name]

    assert not certificate.passed
    caught = [finding for finding in certificate.findings if finding.kind is variant.caught_as]
    assert any(re.search(variant.says, finding.text) for finding in caught), certificate.findings[:10]
