"""Which addresses are of ATOL Online."""

import pytest

from kkt_adapter.api.doors.atol.paths import AtolCall, asked


@pytest.mark.parametrize(
    ("path", "version", "call", "group", "operation", "uuid"),
    [
        ("/possystem/v4/getToken", 4, AtolCall.SIGN_IN, "", "", ""),
        ("/v5/getToken/", 5, AtolCall.SIGN_IN, "", "", ""),
        ("/shop/kassa/possystem/v5/main/sell", 5, AtolCall.REGISTER, "main", "sell", ""),
        ("/v4/main/sell_correction", 4, AtolCall.REGISTER, "main", "sell_correction", ""),
        ("/v4/main/sell_refund_correction", 4, AtolCall.UNKNOWN, "main", "sell_refund_correction", ""),
        ("/v5/main/sell_refund_correction", 5, AtolCall.REGISTER, "main", "sell_refund_correction", ""),
        ("/possystem/v5/main/report/0b6f1c1e", 5, AtolCall.REPORT, "main", "", "0b6f1c1e"),
        ("/possystem/v3/main/sell", 3, AtolCall.UNKNOWN, "", "", ""),
        ("/v5/main/sold", 5, AtolCall.UNKNOWN, "main", "sold", ""),
    ],
)
def test_an_address_is_read(
    path: str, version: int, call: AtolCall, group: str, operation: str, uuid: str
) -> None:
    found = asked(path)
    assert found is not None
    assert (found.version, found.call, found.uuid) == (version, call, uuid)
    if call is not AtolCall.UNKNOWN or operation:
        assert (found.group, found.operation) == (group, operation)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/kkt/receipt", "/api/v1/products", "/v5", "/v5/", "/docs", "/v1/v5/main/sell", "/Execute"],
)
def test_other_addresses_are_not_served(path: str) -> None:
    assert asked(path) is None
