"""Who needs what for an action."""

from kkt_adapter.api.access import NEEDS, Action


def test_every_action_has_its_need() -> None:
    assert set(NEEDS) == set(Action)
