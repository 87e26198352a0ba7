import pytest

from kkt_adapter.kernel.addresses import is_loopback


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("localhost.example", False),
        ("shop.local", False),
        ("", False),
    ],
)
def test_what_stays_on_this_machine(host: str, stays: bool) -> None:
    assert is_loopback(host) is stays
