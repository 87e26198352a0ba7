"""Which names the adapter answers to, and which pages may call it."""

import pytest

from kkt_adapter.api.origins import HostRule, OriginRule, RequestOrigin


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"localhost:8000",
        b"LOCALHOST:8000",
        b"localhost.:8000",
        b"127.0.0.1",
        b"127.0.0.1:8000",
        b"[::1]",
        b"[::1]:8000",
        b"till-7.shop.example",
        b"till-7.shop.example:8443",
        b"192.168.1.20:8000",
        b"[fd00::7]:8000",
    ],
)
def test_loopback_and_configured_names_are_answered_on_any_port(host: bytes) -> None:
    assert HostRule(("till-7.shop.example", "192.168.1.20", "[fd00::7]")).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"",
        b":8000",
        b"evil.example",
        b"evil.example:8000",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example",
        b"127.0.0.1@evil.example",
        b"localhost:8000:9000",
        b"localhost, evil.example",
        b"[::1",
        b"[::1].evil.example",
        b"\xff\xfe",
        b"192.168.1.21",
    ],
)
def test_other_names_are_not_answered(host: bytes | None) -> None:
    assert not HostRule(("192.168.1.20",)).allows(host)


@pytest.mark.parametrize(
    ("origin", "host", "sender"),
    [
        (None, b"localhost:8000", RequestOrigin.PROGRAM),
        (b"http://localhost:8000", b"localhost:8000", RequestOrigin.OWN_PAGE),
        (b"https://LOCALHOST:8000", b"localhost:8000", RequestOrigin.OWN_PAGE),  # TLS may end before us
        (
            b"http://localhost:3000",
            b"localhost:8000",
            RequestOrigin.FOREIGN,
        ),  # another program of this machine
        (b"http://127.0.0.1:8000", b"localhost:8000", RequestOrigin.FOREIGN),
        (b"https://odoo.example", b"127.0.0.1:8000", RequestOrigin.LISTED),
        (b"https://ODOO.example", b"127.0.0.1:8000", RequestOrigin.LISTED),
        (b"http://odoo.example", b"127.0.0.1:8000", RequestOrigin.FOREIGN),  # the scheme is part of it
        (b"https://odoo.example.evil.example", b"127.0.0.1:8000", RequestOrigin.FOREIGN),
        (b"null", b"127.0.0.1:8000", RequestOrigin.FOREIGN),
        (b"", b"127.0.0.1:8000", RequestOrigin.FOREIGN),
        (b"http://localhost:8000", None, RequestOrigin.FOREIGN),
        (b"file://localhost:8000", b"localhost:8000", RequestOrigin.FOREIGN),
    ],
)
def test_a_page_is_known_by_its_whole_origin(
    origin: bytes | None, host: bytes | None, sender: RequestOrigin
) -> None:
    assert OriginRule(("https://odoo.example",)).sender(origin, host) is sender


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        (b"192.168.1.21:8000", "192.168.1.21"),
        (b"192.168.1.21", "192.168.1.21"),
        (b"[fd00::7]:8000", "fd00::7"),
    ],
)
def test_the_address_that_was_called_is_answered(host: bytes, reached: str) -> None:
    assert HostRule().allows(host, reached=reached)


@pytest.mark.parametrize("host", [b"", b":8000", b"evil.example", b"192.168.1.22", b"192.168.1.21.evil.test"])
def test_another_address_or_a_name_is_not_answered(host: bytes) -> None:
    assert not HostRule().allows(host, reached="192.168.1.21")
