"""The lab bites: each broken variant of the product makes it fail, and for the right reason.

The same short runs of the product as it is find nothing: what they find is the variant's fault.
"""

from dataclasses import replace

import pytest
from tests.lab import variant_nodes
from tests.lab.variants import VARIANTS
from tests.support.processes.lab import run_labs

from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.plan import LabPlan

pytestmark = [
    pytest.mark.crash,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.flaky(reruns=0),  # a finding that comes once is a finding
]

AT_ONCE = 4  # labs
CONTROL_SETTLES_S = 120.0
OWN_POINTS = "variants."  # how the names of points begin that only a variant has


def broken(name: str) -> LabPlan:
    """A run with only the faults, and only at the points, at which this variant breaks."""
    variant = VARIANTS[name]
    return LabPlan(
        seed=1,
        faults=variant.count,
        name=name,
        nodes=variant.nodes,
        only=variant.faults,
        points=tuple(variant.points),
        devices=variant.devices,
        registers=3,  # one for each way to the operator
        limit_s=120.0,
        settle_s=5.0,  # some never do
    )


def control(name: str) -> LabPlan:
    """The same without the variant, and with time to settle."""
    plan = broken(name)
    points = tuple(point for point in plan.points if not point.startswith(OWN_POINTS))
    return replace(plan, name="", points=points, settle_s=CONTROL_SETTLES_S)


def controls() -> dict[str, LabPlan]:
    """Each once: several variants may break under the same faults at the same points."""
    plans: dict[str, LabPlan] = {}
    for name in VARIANTS:
        if control(name) not in plans.values():
            plans[name] = control(name)
    return plans


CONTROLS = controls()


@pytest.fixture(scope="module")
def certificates() -> dict[str, Certificate]:
    """All runs, several at a time."""
    plans = {f"broken {name}": broken(name) for name in VARIANTS}
    plans |= {f"control {name}": plan for name, plan in CONTROLS.items()}
    return run_labs(plans, at_once=AT_ONCE, nodes=variant_nodes.COMMAND)


def test_there_are_enough_variants_to_trust_the_lab():
    assert len(VARIANTS) >= 13


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_variant_is_caught(name: str, certificates: dict[str, Certificate]):
    certificate = certificates[f"broken {name}"]

    assert not certificate.passed
    assert certificate.count(VARIANTS[name].caught_as) > 0, certificate.findings[:10]


@pytest.mark.parametrize("name", CONTROLS)
def test_the_product_passes_the_same_run(name: str, certificates: dict[str, Certificate]):
    certificate = certificates[f"control {name}"]

    assert certificate.findings == ()
    assert certificate.fault_total > 0
