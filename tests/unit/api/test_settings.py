"""A value that cannot be right stops the start."""

from typing import Any

import pytest

from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.errors import SettingsInvalid


@pytest.mark.parametrize(
    "origins",
    [
        ("https://odoo.example",),
        ("http://localhost:3000", "https://a.example:8443"),
        ("http://[::1]:3000",),
        (),
    ],
)
def test_origins_as_the_browser_writes_them_are_taken(origins: tuple[str, ...]) -> None:
    assert ApiSettings(allowed_origins=origins).allowed_origins == origins


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_origins": ("*",)},  # any page could print receipts
        {"allowed_origins": ("https://*.example",)},
        {"allowed_origins": ("odoo.example",)},
        {"allowed_origins": ("https://odoo.example/",)},
        {"allowed_origins": ("https://odoo.example/pos",)},
        {"allowed_origins": ("https://user@odoo.example",)},
        {"allowed_origins": ("null",)},
        {"allowed_origins": ("",)},
        {"allowed_hosts": ("*",)},
        {"allowed_hosts": ("http://till",)},
        {"allowed_hosts": ("",)},
        {"max_body_bytes": 0},
        {"max_in_flight": 0},
        {"body_deadline_s": 0.0},
        {"rate_limit_per_s": -1},
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        ApiSettings(**wrong)
    assert next(iter(wrong)) in str(refusal.value)
