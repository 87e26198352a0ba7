"""Names that the lab gives to demo tills: odd, but each can be printed on."""

from kkt_adapter.fiscal.kkt.virtual.naming import name_fault
from kkt_adapter.lab.acts.odd_tills import NAMES


def test_demo_mode_gives_each_name_a_register() -> None:
    tills = [f"{name}{number}" for name in NAMES for number in (1, 99)]
    assert {till: fault for till in tills if (fault := name_fault(till, till)) is not None} == {}
