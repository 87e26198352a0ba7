"""Fetch the scripts that the pages are served with anew, from the npm registry, and compare their digests.

    python scripts/vendor.py            # what src/kkt_adapter/api/ui/static/vendor and tests/data/axe hold

Another registry: NPM_CONFIG_REGISTRY=https://... A new version: change its row here, run this once, take the
digest it names, and run it again. ``scripts/notice.py`` then writes the licences into NOTICE.
"""

import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "src" / "kkt_adapter" / "api" / "ui" / "static" / "vendor"
TESTS = ROOT / "tests" / "data" / "axe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    name: str
    version: str
    licence: str
    sha256: str  # of the registry's archive
    files: tuple[str, ...]  # inside it, below package/
    folder: Path
    purpose: str


PACKAGES = (
    Package(
        name="htmx.org",
        version="4.0.1",
        licence="0BSD",
        sha256="5fba65616ca148a86d377e9771bcada7f35faee3558651feb929eea425e13b3c",
        files=("dist/htmx.min.js", "dist/ext/hx-sse.min.js"),
        folder=PAGES,
        purpose="parts of the pages are fetched anew; its extension for server-sent events",
    ),
    Package(
        name="uplot",
        version="1.6.32",
        licence="MIT, (c) 2022 Leon Sorokin",
        sha256="4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d",
        files=("dist/uPlot.iife.min.js", "dist/uPlot.min.css"),
        folder=PAGES,
        purpose="charts",
    ),
    Package(
        name="axe-core",
        version="4.14.1",
        licence="MPL-2.0",
        sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
        files=("axe.min.js",),
        folder=TESTS,
        purpose="accessibility rules, in the tests only",
    ),
)


def fetched(package: Package) -> bytes:
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    url = f"{registry}/{package.name}/-/{package.name}-{package.version}.tgz"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - https, and the digest is compared
        archive: bytes = answer.read()
    digest = hashlib.sha256(archive).hexdigest()
    if digest != package.sha256:
        sys.exit(f"{package.name} {package.version}: the archive is {digest}, expected {package.sha256}")
    return archive


def unpack(package: Package, archive: bytes) -> None:
    package.folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for name in (*package.files, "LICENSE"):
            found = tar.extractfile(f"package/{name}")
            if found is None:
                sys.exit(f"{package.name}: no {name} in the archive")
            target = f"{package.name}.LICENSE.txt" if name == "LICENSE" else Path(name).name
            (package.folder / target).write_bytes(found.read())


def main() -> None:
    for package in PACKAGES:
        unpack(package, fetched(package))
        print(f"{package.name} {package.version}: {', '.join(package.files)}")


if __name__ == "__main__":
    main()
