import secrets
import threading
from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth.secret import FILE_NAME, signing_secret


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = signing_secret(None, data_dir=data_dir, dialect="sqlite")
    again = signing_secret("", data_dir=data_dir, dialect="sqlite")
    assert first == again
    assert len(first) >= 32
    assert (data_dir / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data_dir.iterdir()] == [FILE_NAME]


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    made = {signing_secret(None, data_dir=tmp_path / name, dialect="sqlite") for name in ("a", "b")}
    assert len(made) == 2


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    found: list[bytes] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        found.append(signing_secret(None, data_dir=tmp_path, dialect="sqlite"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    made = signing_secret(None, data_dir=tmp_path, dialect="sqlite")
    (tmp_path / FILE_NAME).chmod(0o644)
    assert signing_secret(None, data_dir=tmp_path, dialect="sqlite") == made
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("short\n")
    with pytest.raises(SettingsInvalid, match="damaged"):
        signing_secret(None, data_dir=tmp_path, dialect="sqlite")


def test_a_place_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    with pytest.raises(SettingsInvalid, match="AUTH_SECRET"):
        signing_secret(None, data_dir=tmp_path / "data", dialect="sqlite")


def test_a_given_secret_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    given = secrets.token_hex(32)
    assert signing_secret(given, data_dir=tmp_path, dialect="sqlite") == given.encode()
    assert signing_secret(given, data_dir=tmp_path, dialect="postgresql") == given.encode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given",
    [
        "short",
        "0123456789012345678901234567890",  # 31 bytes
        "a" * 40,
        "abcdefghijklmnopqrstuvwxyz012345",
        "12345678901234567890123456789012",
        "k9Xw2pQ7k9Xw2pQ7k9Xw2pQ7k9Xw2pQ7",  # eight characters, four times
        "correct horse correct horse correct horse",
        "kassa-7 kassa-8 kassa-9 kassa-1 kassa-2",
        "k9Xw2pQ7k9Xw2pQ7k9Xw2pQ7k9Xw2pQ7!",
        "please-changeme-before-production-1",
        "your-256-bit-secret-goes-right-here",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    ],
)
def test_a_secret_that_can_be_guessed_stops_the_start_and_is_not_repeated(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        signing_secret(given, data_dir=tmp_path, dialect="sqlite")
    for text in refused.value.detail:
        assert "AUTH_SECRET" in text
        assert "32" in text
        assert given not in text


@pytest.mark.parametrize("size", [16, 24, 32, 48])
def test_random_hex_of_32_characters_and_more_is_accepted(tmp_path: Path, size: int) -> None:
    for _ in range(200):
        given = secrets.token_hex(size)
        assert signing_secret(given, data_dir=tmp_path, dialect="sqlite") == given.encode()


def test_with_postgresql_the_secret_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="AUTH_SECRET"):
        signing_secret(None, data_dir=tmp_path, dialect="postgresql")
    assert list(tmp_path.iterdir()) == []
