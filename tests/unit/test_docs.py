"""The pages lead somewhere: links, commands, options, targets, addresses and variables in them exist."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from kkt_adapter.api import routes
from kkt_adapter.api.entry.accept import PATH as ACCEPT_PATH
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.cli.program import PARTS, load
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.ofd.control import control_app
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings import Settings, env_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted(
    [
        README,
        ROOT / "README.ru.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CALL = re.compile(r"https?://(?:127\.0\.0\.1|localhost):\d+(/[A-Za-z0-9_./{}-]*)")
OUTSIDE_API = {"/docs", "/openapi.json"}
ENDS_COMMAND = {"|", "&&", "||", ";", ">", "#"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names of headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def code(page: Path) -> Iterator[str]:
    """Every line of code: fenced, indented, and between back-ticks in the text; continued lines joined."""
    text = text_of(page)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}.*\n)+", text, flags=re.MULTILINE)
    for block in [*fenced, *indented]:
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def invocations(page: Path) -> Iterator[list[str]]:
    """The words after ``kkt-adapter``, up to a pipe, a comment or the end of the line.

    It is also the name of a user and of folders: a command is what begins a line, or has one of our parts
    behind it.
    """
    for line in code(page):
        words = line.replace("$(", " ").replace(")", " ").split()
        for i, word in enumerate(words[:-1]):
            if not re.fullmatch(r"[\"'(]*(?:\S*/)?kkt-adapter", word):
                continue
            begins = all(before == "$" or "=" in before for before in words[:i])
            if words[i + 1] in PARTS:
                yield _up_to_the_end(words[i + 1 :])
            elif begins and re.fullmatch(r"[a-z][a-z-]*", words[i + 1]):
                raise AssertionError(f"{line.strip()}: no such command")


def _up_to_the_end(words: list[str]) -> list[str]:
    depth, taken = 0, []
    for word in words:
        if depth == 0 and word in ENDS_COMMAND:
            break
        depth += word.count("[") - word.count("]")
        taken.append(word)
    return taken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} is not there"
        assert found.is_relative_to(ROOT), f"{target} leads out of the project"
        if anchor:
            assert anchor in anchors(found), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page: Path) -> None:
    for words in invocations(page):
        command: Any = load(words[0])
        rest = words[1:]
        while getattr(command, "commands", None) and rest and rest[0] in command.commands:
            command, rest = command.commands[rest[0]], rest[1:]
        known = {text for one in command.params for text in (*one.opts, *one.secondary_opts)}
        if getattr(command, "commands", None):
            assert not [w for w in rest if re.fullmatch(r"[a-z-]+", w)], f"no command {' '.join(words)}"
        options = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(rest))
        assert set(options) <= {*known, "--help"}, f"{' '.join(words)}: no such option"


def test_make_targets_of_the_readme_exist() -> None:
    made = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    named = {m[1] for line in code(README) if (m := re.match(r"make ([a-z-]+)", line.strip()))}
    assert {"run", "test", "setup"} <= named <= made


def test_phony_targets_are_targets() -> None:
    makefile = text_of(ROOT / "Makefile")
    made = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    assert set(phony.split()) <= made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_addresses_exist(page: Path) -> None:
    for path in CALL.findall(text_of(page)):
        plain = path.rstrip("./") or "/"
        if plain in OUTSIDE_API or plain.startswith("/control") or plain in emulated():
            assert not plain.startswith("/control/") or plain in controlled(), (
                f"{plain} is no control address"
            )
            continue
        assert any(rule.fullmatch(plain) for rule in answered()), f"nothing answers {plain}"


def answered() -> list[re.Pattern[str]]:
    found = [re.compile(path) for _, path in DOORS]
    for module in iter_modules(routes.__path__, routes.__name__ + "."):
        router = getattr(import_module(module.name), "router", None)
        if isinstance(router, APIRouter):
            found += [r.path_regex for r in router.routes if isinstance(r, APIRoute)]
    return found


DOORS = {("POST", "/Execute")}  # foreign protocols are answered before the routes
METHODS = "GET|POST|PUT|PATCH|DELETE"
ROUTE = re.compile(rf"((?:`(?:{METHODS})`, )*)`({METHODS}) (/[^\s`?]*)[^`]*`(?: \(also `(/[^`?]+)`\))?")
REFERENCE = ROOT / "docs" / "reference"
CATALOGUE = REFERENCE / "catalogue-api.md"  # names its paths from /api/v1 on
NOT_OURS = {REFERENCE / "ofd-emulator.md", REFERENCE / "ofd-http.md", REFERENCE / "g2a.md"}
WITHOUT_ROW = {("GET", "/docs")}  # named in the text


def documented(page: Path) -> set[tuple[str, str]]:
    """Method and path of every call that a page names, with ``{}`` for whatever stands in braces."""
    found = set()
    for before, method, path, also in ROUTE.findall(text_of(page)):
        for method_named in (*re.findall(METHODS, before), method):
            for each in filter(None, (path, also)):
                if each.startswith("/control/"):  # of an emulator
                    continue
                whole = f"/api/v1{each}" if page == CATALOGUE and not each.startswith("/api/") else each
                found.add((method_named, re.sub(r"\{[^}]*\}", "{}", whole)))
    return found


def routed() -> set[tuple[str, str]]:
    """The same of every route there is."""
    found = {("POST", ACCEPT_PATH), *DOORS}
    for module in iter_modules(routes.__path__, routes.__name__ + "."):
        router = getattr(import_module(module.name), "router", None)
        if isinstance(router, APIRouter):
            for route in router.routes:
                assert isinstance(route, APIRoute)
                path = re.sub(r"\{[^}]*\}", "{}", route.path)
                found |= {(method, path) for method in (route.methods or set()) - {"HEAD"}}
    return found


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in NOT_OURS],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_calls_that_a_page_names_exist(page: Path) -> None:
    assert documented(page) - routed() == set()


def test_every_route_is_documented() -> None:
    pages = (page for page in REFERENCE.glob("*.md") if page not in NOT_OURS)
    named = {call for page in pages for call in documented(page)}
    assert routed() - named - WITHOUT_ROW == set()


def controlled() -> set[str]:
    addresses = {resource.canonical for resource in control_app(OfdEmulator()).router.resources()}
    return {re.sub(r"/\{.*", "", address) for address in addresses}


def emulated() -> set[str]:
    return {"/ofd/v1/receipt", "/ofd/v1/health", "/ofd/v1"}


def test_variables_of_the_readme_are_settings() -> None:
    known = {env_of(info) for info in Settings.model_fields.values()}
    known |= {info.alias for model in (AuthSettings, CatalogSettings) for info in model.model_fields.values()}
    table = [line for line in text_of(README).splitlines() if line.startswith("| `")]
    named = {name for line in table for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", line.split("|")[1])}
    assert len(named) > 10
    assert named <= known
