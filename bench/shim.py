"""The preloaded shim: compiled when it is first needed, and the environment that switches it on."""

import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from bench.method import SLOW_DISK_S

_SOURCE = Path(__file__).with_name("shim.c")
_COUNTS = Struct("<4Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushes:
    """Calls of fsync and fdatasync, by the file they were for."""

    log: int  # write-ahead logs of SQLite
    database: int
    journal: int
    other: int

    @property
    def total(self) -> int:
        return self.log + self.database + self.journal + self.other

    def since(self, earlier: "Flushes") -> "Flushes":
        return Flushes(
            log=self.log - earlier.log,
            database=self.database - earlier.database,
            journal=self.journal - earlier.journal,
            other=self.other - earlier.other,
        )


class Shim:
    """The compiled library."""

    def __init__(self, library: Path) -> None:
        self._library = library

    def slow_disk(self) -> dict[str, str]:
        """Environment of a process whose disk takes ``SLOW_DISK_S`` longer."""
        return self._environment(BENCH_FSYNC_DELAY_US=str(int(SLOW_DISK_S * 1_000_000)))

    @contextmanager
    def counting(self, folder: Path) -> Iterator["FlushCounter"]:
        """A counter, and through ``FlushCounter.environment`` the process it counts for."""
        path = folder / "flushes"
        path.write_bytes(bytes(_COUNTS.size))
        with path.open("r+b") as file, mmap.mmap(file.fileno(), _COUNTS.size) as shared:
            yield FlushCounter(self._environment(BENCH_FSYNC_COUNTS=str(path)), shared)

    def _environment(self, **values: str) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), **values}


class FlushCounter:
    def __init__(self, environment: dict[str, str], shared: mmap.mmap) -> None:
        self.environment = environment
        self._shared = shared

    def read(self) -> Flushes:
        log, database, journal, other = _COUNTS.unpack(self._shared[: _COUNTS.size])
        return Flushes(log=log, database=database, journal=journal, other=other)


def compile_shim(folder: Path) -> Shim | None:
    """None when this machine cannot: no C compiler, or no preloading (only Linux is tried)."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.uname().sysname != "Linux":
        return None
    library = folder / "bench-shim.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    return Shim(library) if subprocess.run(command, check=False).returncode == 0 else None
