"""The secret that signs access tokens: given in AUTH_SECRET, or made once and kept in the data directory."""

import os
import secrets
import sys
from itertools import pairwise
from pathlib import Path

from kkt_adapter.kernel.errors import SettingsInvalid

FILE_NAME = "auth_secret"
MIN_BYTES = 32
MIN_DIFFERENT_BYTES = 8
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "replace", "your-", "your_", "example", "password")
_PUBLISHED = ("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",)  # tutorials print this one


def signing_secret(given: str | None, *, data_dir: Path, dialect: str) -> bytes:
    """The secret to sign with. ``given`` is AUTH_SECRET; ``dialect`` is the database's.

    When nothing is given, the file ``auth_secret`` in ``data_dir`` is read, or made with 32 random bytes,
    readable by its owner only. Two processes that start at once end up with the same file.

    Raises:
        SettingsInvalid: given but short or easy to guess; not given with PostgreSQL, where all nodes must
            share it; the file is damaged or cannot be used. The text never shows the secret.
    """
    if given:
        return _checked(given)
    if dialect == "postgresql":
        raise SettingsInvalid(
            "AUTH_SECRET is not set. With PostgreSQL it must be: at least 32 bytes, the same on every node.",
            "AUTH_SECRET не задан. С PostgreSQL он обязателен и одинаков на всех узлах: не менее 32 байт.",
        )
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise SettingsInvalid(
            f"AUTH_SECRET is not set, and {FILE_NAME} in the data directory is not usable: {error.strerror}.",
            f"AUTH_SECRET не задан, а файл {FILE_NAME} в каталоге данных недоступен: {error.strerror}.",
        ) from error


def _checked(given: str) -> bytes:
    secret = given.encode("utf-8", "surrogateescape")
    if len(secret) < MIN_BYTES:
        raise SettingsInvalid(
            f"AUTH_SECRET has {len(secret)} bytes; allowed: at least {MIN_BYTES}.",
            f"AUTH_SECRET содержит {len(secret)} байт; допустимо: не менее {MIN_BYTES}.",
        )
    if _is_weak(secret):
        raise SettingsInvalid(
            f"AUTH_SECRET ({len(secret)} bytes) is easy to guess; allowed: at least {MIN_BYTES} random "
            "bytes, for example from: openssl rand -hex 32",
            f"AUTH_SECRET ({len(secret)} байт) легко угадать; допустимо: не менее {MIN_BYTES} случайных "
            "байт, например из: openssl rand -hex 32",
        )
    return secret


def _is_weak(secret: bytes) -> bool:
    text = secret.decode("utf-8", "replace").casefold()
    steps = [abs(after - before) for before, after in pairwise(secret)]
    return (
        len(set(secret)) < MIN_DIFFERENT_BYTES
        or 3 * sum(step <= 1 for step in steps) > 2 * len(steps)  # aaaa, 1234, abcd
        or 4 * len({text[at : at + 4] for at in range(len(text) - 3)}) < 3 * (len(text) - 3)  # said again
        or any(word in text for word in _PLACEHOLDERS)
        or text in _PUBLISHED
    )


def _make(path: Path) -> None:
    """Write under a name of our own, flush it to disk, then link it into place: never half a file, and the
    second of two processes finds the file of the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(MIN_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
    finally:
        draft.unlink(missing_ok=True)
    if sys.platform != "win32":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _read(path: Path) -> bytes:
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    secret = path.read_bytes().strip()
    if len(secret) < MIN_BYTES:
        raise SettingsInvalid(
            f"The file {FILE_NAME} in the data directory is damaged. Remove it: a new one "
            "is made, and everybody signs in again.",
            f"Файл {FILE_NAME} в каталоге данных повреждён. Удалите его: будет "
            "создан новый, и всем придётся войти снова.",
        )
    return secret
