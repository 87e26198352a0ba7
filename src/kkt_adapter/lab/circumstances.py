"""Under which a certificate was made: what code ran, and what it needed of the machine."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

import kkt_adapter
from kkt_adapter.lab.certificate import Footprint

MB = 1_000_000
GIT_S = 10.0


def commit_of_checkout() -> str | None:
    """The commit of the checkout that this package runs from, ``+`` where the package has changes on top;
    None outside of one."""
    package = Path(kkt_adapter.__file__).parent
    git = shutil.which("git")
    if git is None or not (package.parents[1] / ".git").exists():
        return None
    commit = _said(git, package, "rev-parse", "--short=12", "HEAD")
    changed = _said(git, package, "status", "--porcelain", "--", ".")
    return None if not commit else f"{commit}+" if changed else commit


def changed_since(commit: str | None) -> str | None:
    """What a certificate of ``commit`` does not speak of: ``12 files of the source have changed since``.

    None: nothing has changed, or this is no checkout that could tell.
    """
    package = Path(kkt_adapter.__file__).parent
    git = shutil.which("git")
    if git is None or not (package.parents[1] / ".git").exists():
        return None
    if commit is None:
        return "it names no commit: nobody can say what code it speaks of"
    if commit.endswith("+"):
        return f"it was made from changed code on top of {commit[:-1]}"
    known = _said(git, package, "rev-parse", "--verify", f"{commit}^{{commit}}")
    if not known:
        return f"commit {commit} is not in this checkout"
    files = _said(git, package, "diff", "--name-only", known, "--", ".").splitlines()
    return f"{len(files)} files of the source have changed since commit {commit}" if files else None


def _said(git: str, folder: Path, *words: str) -> str:
    command = [git, "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GIT_S)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def footprint(folders: Iterable[Path], *, node_mb: int) -> Footprint:
    """Of this process, and of the files that are in ``folders`` now."""
    files = {path for folder in folders for path in folder.rglob("*")}
    return Footprint(lab_mb=peak_mb(os.getpid()), node_mb=node_mb, folder_mb=sum(map(_size, files)) // MB)


def peak_mb(pid: int) -> int:
    """The most memory a living process has had; 0 when it is gone or the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 // MB
    return 0


def _size(path: Path) -> int:
    with suppress(OSError):
        found = path.lstat()
        return found.st_size if S_ISREG(found.st_mode) else 0
    return 0
