"""A test that cannot run because a server is missing must not look like a test that passed, in CI."""

import pytest
from tests.support.services import missing


def test_a_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="some-server"):
        missing("some-server")


def test_a_missing_server_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="some-server"):
        missing("some-server")
