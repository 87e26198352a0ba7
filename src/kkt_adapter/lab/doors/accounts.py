"""The group of registers and the shops' accounts of a lab, as its nodes are configured."""

from collections.abc import Sequence
from typing import Any

GROUP = "pool"
WEB, BUTTON = "web", "button"
SECRET = "of the fault lab alone, 5d0a"  # noqa: S105 - of accounts that exist in a lab only
HOLD_S = 55.0  # nodes' seconds: what an answer of KkmServer is held
GUARD_MINUTES = 1440.0  # longer than a lab: a press may never go through because a person took his time


def door_settings(pool: Sequence[str], *, callback_port: int) -> dict[str, Any]:
    """``[[group]]`` and ``[[shop]]``; nothing without registers."""
    if not pool:
        return {}
    common = {"secret": SECRET, "groups": [GROUP]}
    return {
        "group": [{"id": GROUP, "registers": list(pool)}],
        "shop": [
            {
                "id": WEB,
                "login": WEB,
                "doors": ["atol-online"],
                "convert": True,
                "callback_hosts": [f"127.0.0.1:{callback_port}"],
                **common,
            },
            {
                "id": BUTTON,
                "login": BUTTON,
                "doors": ["kkmserver"],
                "hold_max_s": HOLD_S,
                "guard_minutes": GUARD_MINUTES,
                **common,
            },
        ],
    }
