"""A configuration that contradicts the device stops the register and says why."""

from typing import Any

import pytest
from tests.support.receipts import CASHIER_INN, a_profile, a_registration, some_defaults

from kkt_adapter.fiscal.ffd.validation.profile import check_profile
from kkt_adapter.kernel.errors import SettingsInvalid

SEVERAL = {"taxation_mask": 1 | 4}


@pytest.mark.parametrize(
    ("facts", "settings"),
    [
        ({}, {}),
        ({"taxation_mask": 32}, {}),  # only one system: that one
        (SEVERAL, {"taxation": 4}),
        ({}, {"cashier_inn": CASHIER_INN, "unit": "кг", "subject": 4, "method": 1}),
        ({"auto_mode": True}, {"cashier": None}),
        ({"internet_only": True, "place": "shop.example.com"}, {"cashier": None}),
        ({}, {"internet": True, "site": "shop.example.com"}),
        ({}, {"vat_dates": "refuse", "receipt_key": "off"}),
    ],
)
def test_settings_that_agree_with_the_device(facts: dict[str, Any], settings: dict[str, Any]):
    check_profile(a_profile(registration=a_registration(**facts), defaults=some_defaults(**settings)))


@pytest.mark.parametrize(
    ("facts", "settings", "named"),
    [
        ({}, {"taxation": 2}, ["taxation = 2", "1062"]),
        (SEVERAL, {"taxation": 5}, ["taxation = 5", "1, 4"]),
        (SEVERAL, {}, ["taxation", "1, 4"]),
        ({}, {"cashier": None}, ["cashier", "1001"]),
        ({}, {"cashier": "x" * 65}, ["cashier", "65", "64"]),
        ({}, {"cashier_inn": "500100732258"}, ["cashier_inn = 500100732258"]),
        ({}, {"internet": True}, ["site", "Касса POS-001"]),
        ({"internet_only": True}, {}, ["site", "Касса POS-001"]),
        ({}, {"site": "Касса"}, ["site = 'Касса'"]),
        ({}, {"unit": "796"}, ["unit = '796'"]),
        ({}, {"subject": 28}, ["subject = 28"]),
        ({}, {"method": 8}, ["method = 8"]),
        ({}, {"vat_dates": "maybe"}, ["vat_dates = maybe"]),
        ({}, {"receipt_key": "1192"}, ["receipt_key = 1192"]),
    ],
)
def test_a_contradiction_names_both_sides(facts: dict[str, Any], settings: dict[str, Any], named: list[str]):
    profile = a_profile(registration=a_registration(**facts), defaults=some_defaults(**settings))
    with pytest.raises(SettingsInvalid) as caught:
        check_profile(profile)
    for text in caught.value.detail:
        assert "kkt-1" in text
        assert all(word in text for word in named)


def test_all_contradictions_are_named_at_once():
    profile = a_profile(defaults=some_defaults(taxation=2, subject=28))
    with pytest.raises(SettingsInvalid) as caught:
        check_profile(profile)
    assert "taxation = 2" in caught.value.detail.en
    assert "subject = 28" in caught.value.detail.en
