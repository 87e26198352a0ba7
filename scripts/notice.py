"""Write NOTICE anew: the packages that the product is installed with, and their licences.

    .venv/bin/python scripts/notice.py

Read from the metadata of what is installed here, for the extras that locks/service.txt has.
"""

import re
import runpy
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = "kkt-adapter"
EXTRAS = ("postgres", "redis", "binary", "serial", "pdf")
FILE = Path(__file__).parents[1] / "NOTICE"
HEAD = """kkt-adapter uses the following packages. Each has its own licence, which comes with the package
(in its folder *.dist-info). Made by scripts/notice.py.

"""
VENDORED = """
Scripts that stand in the tree, fetched from the npm registry by scripts/vendor.py, licences beside them:

"""


def needed(name: str, found: dict[str, str]) -> None:
    """Add the packages that ``name`` needs, with what their metadata says of their licence."""
    for line in distribution(name).requires or ():
        package = re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0].lower().replace("_", "-")
        marker = line.partition(";")[2]
        if "extra ==" in marker and not any(f"'{one}'" in marker.replace('"', "'") for one in EXTRAS):
            continue
        if package in found:
            continue
        try:
            found[package] = licence(package)
        except PackageNotFoundError:  # for another system or version of Python
            continue
        needed(package, found)


def licence(name: str) -> str:
    told = distribution(name).metadata
    classified = [
        line.rpartition(":: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    plain = (
        told.get("License-Expression")
        or ", ".join(classified)
        or (told.get("License") or "").splitlines()[:1]
    )
    shown = plain if isinstance(plain, str) else "".join(plain)
    return f"{told['Version']}: {shown or 'see the package'}"


def main() -> None:
    found: dict[str, str] = {}
    needed(ROOT, found)
    vendored = "".join(
        f"{one['name']} {one['version']}: {one['licence']}; {one['purpose']}\n" for one in fetched_scripts()
    )
    lines = "".join(f"{name} {found[name]}\n" for name in sorted(found))
    FILE.write_text(HEAD + lines + VENDORED + vendored, encoding="utf-8")


def fetched_scripts() -> list[dict[str, str]]:
    """What ``vendor.py`` has put into the tree."""
    packages = runpy.run_path(str(Path(__file__).with_name("vendor.py")))["PACKAGES"]
    return [
        {"name": p.name, "version": p.version, "licence": p.licence, "purpose": p.purpose} for p in packages
    ]


if __name__ == "__main__":
    main()
