"""The locks: each package in one version, each file by its SHA-256, nothing named and left out."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of each package of a lock."""
    text = (LOCKS / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        entry = re.fullmatch(
            r"([A-Za-z0-9._-]+)==([^ ;]+)( ;[^\\]*?)?((?: +--hash=sha256:[0-9a-f]{64})+)", line
        )
        assert entry is not None, f"no hash or no exact version: {line[:80]}"
        found[plain(entry[1])] = (entry[2], re.findall(r"sha256:(\w+)", entry[4]))
    return found


def wanted(*extras: str) -> set[str]:
    """The packages that pyproject.toml names itself."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {plain(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in lines}


SERVICE_EXTRAS = ("postgres", "redis", "serial", "pdf")


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("build.txt", {"hatchling", "editables"}),
        ("service.txt", wanted(*SERVICE_EXTRAS)),
        ("develop.txt", wanted(*PROJECT["optional-dependencies"]) | {"hatchling", "editables"}),
    ],
)
def test_a_lock_has_all_that_is_named_with_hashes_in_the_versions_of_the_constraints(
    name: str, names: set[str]
) -> None:
    found = locked(name)
    assert names <= set(found)
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    versions = {plain(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    assert {package: version for package, (version, _) in found.items()} == {
        package: versions[package] for package in found
    }, "run make lock"


def test_every_constraint_is_used_and_all_locks_agree_on_the_files() -> None:
    develop = locked("develop.txt")
    for name in ("build.txt", "service.txt"):
        for package, entry in locked(name).items():
            assert develop[package] == entry, package
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert {plain(line.partition("==")[0]) for line in lines} == set(develop)


@pytest.mark.parametrize(
    "file", ["Makefile", "deploy/docker/Dockerfile", "docs/how-to/install.md", "docs/ru/install.md"]
)
def test_whatever_installs_the_product_takes_only_files_with_a_known_hash(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ").replace("$(PIP)", "pip install")
    commands = re.findall(r"pip install [^\n|&]*", text)
    assert len(commands) >= 2
    for command in commands:
        from_lock = "--require-hashes" in command and "-r locks/" in command
        only_itself = "--no-deps" in command and (
            "--no-build-isolation" in command or "--no-index" in command
        )
        assert from_lock or only_itself or command.startswith("pip install --quiet --disable"), command


DOCKER = ROOT / "deploy" / "docker"
DIGEST = "sha256:" + "5a" * 32
STUB = f"""#!/bin/sh
[ "$1 $2 $3" = "buildx imagetools inspect" ] || exit 2
case "$6" in *@*) exit 3 ;; *) echo {DIGEST} ;; esac
"""


def images(folder: Path) -> list[str]:
    both = (folder / "compose.yml").read_text() + (folder / "Dockerfile").read_text()
    return [name for name in re.findall(r"(?m)^(?: +image: |FROM )(\S+)", both) if name != "kkt-adapter"]


def test_images_are_named_by_exact_version() -> None:
    found = images(DOCKER)
    assert len(found) == 6
    for image in found:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?(@sha256:[0-9a-f]{64})?", image), image


def pinned(folder: Path, *, stub: str = STUB) -> subprocess.CompletedProcess[str]:
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(stub)
    docker.chmod(0o755)
    for name in ("compose.yml", "Dockerfile", "pin.sh"):
        if not (folder / name).exists():
            (folder / name).write_bytes((DOCKER / name).read_bytes())
    return subprocess.run(
        ["sh", str(folder / "pin.sh")],
        capture_output=True, text=True, check=False, env={"PATH": f"{docker.parent}:/usr/bin:/bin"},
    )  # fmt: skip


def test_the_script_that_pins_images_writes_the_registry_s_digest_once(tmp_path: Path) -> None:
    before = images(DOCKER)
    for _ in range(2):
        result = pinned(tmp_path)
        assert result.returncode == 0, result.stderr
        assert images(tmp_path) == [f"{name.partition('@')[0]}@{DIGEST}" for name in before]
    assert f"FROM {before[-1].partition('@')[0]}@{DIGEST} AS build" in (tmp_path / "Dockerfile").read_text()
    assert "image: kkt-adapter\n" in (tmp_path / "compose.yml").read_text()


def test_an_answer_that_is_no_digest_pins_nothing(tmp_path: Path) -> None:
    result = pinned(tmp_path, stub="#!/bin/sh\necho latest\n")
    assert result.returncode == 1
    assert "no digest" in result.stderr
    assert images(tmp_path) == images(DOCKER)
