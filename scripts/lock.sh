#!/bin/sh
# Writes locks/*.txt anew: each package in the version of constraints.txt, with the SHA-256 of every file that PyPI
# has of it, for all systems and Pythons the project takes. Needs PyPI.
#   build.txt    what makes the package itself
#   service.txt  what the service runs with, all extras among it
#   develop.txt  both, and what the tests and linters need
set -eu
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.9
mkdir -p locks
printf 'hatchling\neditables\n' >"$tools/build.in"
lock() { # FILE WHAT...
    file=$1
    shift
    "$tools/bin/uv" pip compile "$@" -c constraints.txt -o "$tools/locked" \
        --generate-hashes --universal --python-version 3.11 --no-config --index-url https://pypi.org/simple \
        --no-header --no-annotate --quiet
    { echo "# Made by make lock from pyproject.toml and constraints.txt."; cat "$tools/locked"; } >"locks/$file"
    rm "$tools/locked"
}
service="--extra postgres --extra redis --extra serial --extra pdf"
lock build.txt "$tools/build.in"
# shellcheck disable=SC2086
lock service.txt pyproject.toml $service
# shellcheck disable=SC2086
lock develop.txt pyproject.toml "$tools/build.in" $service --extra dev --extra shops
