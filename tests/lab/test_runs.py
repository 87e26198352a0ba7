"""The product under the lab: 200 faults with one node on SQLite, 100 with two on PostgreSQL and Redis, and 50
that hit the processes of two nodes on SQLite."""

import pytest
from tests.lab.variants import VARIANTS
from tests.support.processes.lab import have_servers, need_servers, run_labs

from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.devices.brands import BRANDS
from kkt_adapter.lab.menu import MENU
from kkt_adapter.lab.plan import LabPlan

pytestmark = [
    pytest.mark.crash,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

DEVICES = {"SQLite, seed 3": tuple(BRANDS)}  # in the place of some virtual registers
ON_SQLITE = {
    name: LabPlan(
        seed=seed,
        faults=80,
        devices=DEVICES.get(name, ()),
        registers=3 if name in DEVICES else 6,
        each=name == "SQLite, seed 2",
        doors=name == "SQLite, seed 2",
        demo=name == "SQLite, seed 2",
    )
    for seed, name in ((n, f"SQLite, seed {n}") for n in (1, 2, 3))
}
ON_POSTGRES = {
    "PostgreSQL": LabPlan(seed=1, faults=100, nodes=2, database="postgresql", redis=True),
}
PROCESS_FAULTS = frozenset(kind.name for kind in MENU if kind.name.startswith("process"))
SHARING = {"two on SQLite": LabPlan(seed=1, faults=50, nodes=2, only=PROCESS_FAULTS)}
DEVICE_FAULTS = frozenset(f"{brand.name}: {name}" for brand in BRANDS.values() for name in brand.faults)
WITH_DEVICES = {"devices": LabPlan(seed=1, faults=40, registers=0, devices=tuple(BRANDS), only=DEVICE_FAULTS)}
UNDISTURBED = {"undisturbed": LabPlan(seed=1, faults=0, registers=3, receipts=5)}
ELSEWHERE = {"disk full: ENOSPC"}  # needs the right to mount
SERVERS = ("PostgreSQL", "Redis")  # how the names of their faults begin


@pytest.fixture(scope="module")
def certificates() -> dict[str, Certificate]:
    """All labs at once, as each of them mostly waits."""
    plans = UNDISTURBED | SHARING | WITH_DEVICES | ON_SQLITE | (ON_POSTGRES if have_servers() else {})
    return run_labs(plans, at_once=len(plans))


@pytest.mark.parametrize("name", ON_SQLITE)
def test_one_node_on_sqlite_loses_and_doubles_nothing(name: str, certificates: dict[str, Certificate]):
    certificate = certificates[name]

    assert certificate.findings == ()
    assert certificate.fault_total >= ON_SQLITE[name].faults
    assert certificate.traffic.accepted > 50
    assert certificate.unaccounted == 0


def test_nodes_that_share_a_file_never_end_by_themselves(certificates: dict[str, Certificate]):
    certificate = certificates["two on SQLite"]

    assert certificate.findings == ()
    assert certificate.fault_total >= SHARING["two on SQLite"].faults
    assert certificate.unaccounted == 0


def test_registers_of_real_brands_lose_and_double_nothing(certificates: dict[str, Certificate]):
    certificate = certificates["devices"]

    assert certificate.findings == ()
    assert certificate.fault_total >= WITH_DEVICES["devices"].faults
    assert certificate.unaccounted == 0


def test_two_nodes_on_postgres_and_redis_lose_and_double_nothing(certificates: dict[str, Certificate]):
    need_servers()
    certificate = certificates["PostgreSQL"]

    assert certificate.findings == ()
    assert certificate.fault_total >= ON_POSTGRES["PostgreSQL"].faults
    assert certificate.traffic.accepted > 50
    assert certificate.unaccounted == 0
    for server in SERVERS:
        assert any(name.startswith(server) for name in certificate.faults), f"nothing was done to {server}"


def test_a_lab_that_ends_at_once_still_waits_until_every_report_is_delivered(
    certificates: dict[str, Certificate],
):
    certificate = certificates["undisturbed"]

    assert certificate.findings == ()
    assert certificate.books.documents >= 2  # the registrations of two FNs go out by themselves
    assert certificate.traffic.accepted >= 5
    assert certificate.passed


def test_nearly_every_kind_of_fault_hit_something(certificates: dict[str, Certificate]):
    """Those of the broken variants among them: what the lab finds there it does not find here."""
    hit = {name for certificate in certificates.values() for name in certificate.faults}
    could = {kind.name for kind in MENU if have_servers() or not kind.name.startswith(SERVERS)} - ELSEWHERE

    assert len(hit) >= 0.8 * len(could), f"these did not: {sorted(could - hit)}"
    assert could >= {fault for variant in VARIANTS.values() for fault in variant.faults}


def test_processes_died_at_many_named_points(certificates: dict[str, Certificate]):
    died_at = {point for c in certificates.values() for point, n in c.points.items() if n}

    assert len(died_at) >= 10
