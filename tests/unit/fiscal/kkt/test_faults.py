"""Faults that are set by hand."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualFaults
from kkt_adapter.kernel.errors import InvalidInput

FLAGS = ("paper_out", "cover_open", "unreachable", "hang", "fn_full", "fn_expired")
COUNTS = ("refuse", "timeout_before", "timeout_after")

plans = st.builds(
    FaultPlan,
    latency_s=st.floats(0, 600),
    refuse_code=st.integers(1, 255),
    **{name: st.booleans() for name in FLAGS},
    **{name: st.integers(0, 1_000_000) for name in COUNTS},
)


@given(plans)
def test_a_plan_survives_json(plan: FaultPlan) -> None:
    assert FaultPlan.from_json(json.loads(json.dumps(plan.as_json()))) == plan


def test_what_the_json_leaves_out_is_off() -> None:
    assert FaultPlan.from_json({"refuse": 2}) == FaultPlan(refuse=2)


@pytest.mark.parametrize(
    "raw",
    [
        {"papper_out": True},
        {"paper_out": 1},
        {"paper_out": "yes"},
        {"refuse": True},
        {"refuse": -1},
        {"refuse": 1.5},
        {"refuse": "2"},
        {"refuse_code": 0},
        {"refuse_code": 256},
        {"latency_s": -0.1},
        {"latency_s": 601},
        {"latency_s": float("nan")},
        {"latency_s": float("inf")},
        {"latency_s": None},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_named(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        FaultPlan.from_json(raw)

    assert refused.value.facts["field"] == next(iter(raw))
    assert refused.value.detail.ru != refused.value.detail.en


def test_counted_faults_use_themselves_up() -> None:
    faults = VirtualFaults(FaultPlan(refuse=2))

    assert [faults.take("refuse") for _ in range(3)] == [True, True, False]
    assert faults.plan == FaultPlan()


async def test_whoever_hangs_goes_on_when_the_fault_is_lifted() -> None:
    faults = VirtualFaults(FaultPlan(hang=True))
    waiting = asyncio.create_task(faults.while_hanging())
    await asyncio.sleep(0)

    faults.set(FaultPlan(hang=True, paper_out=True))
    await asyncio.sleep(0)
    assert not waiting.done()

    faults.clear()
    await asyncio.wait_for(waiting, 60)
