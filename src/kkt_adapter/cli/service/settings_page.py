"""The page of all settings, generated from the code; a test compares it with the file in ``docs/``.

python -m kkt_adapter.cli.service.settings_page > docs/reference/settings.md
"""

import sys
from collections.abc import Iterator
from enum import StrEnum

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings import GroupSettings, RegisterSettings, Settings, ShopSettings, env_of
from kkt_adapter.settings.refusal import choices_of

_HEAD = """# Settings

Generated from the code: `python -m kkt_adapter.cli.service.settings_page > docs/reference/settings.md`.

One TOML file (`KKT_CONFIG`, else `kkt-adapter.toml` in the working directory), the environment over it, the
command line over both. An unknown key in the file, or an impossible value, stops the start with a line that
names it and what is allowed. Names ending in `_s` are seconds, in `_mb` megabytes, in `_pages` SQLite pages.
"""


def render() -> str:
    """The whole page as Markdown."""
    return "\n".join(
        [
            _HEAD,
            "## The service",
            "",
            *_table(Settings, skip=("registers", "group", "back_office", "shop", "sign_in", "catalog")),
            "",
            "## `[[register]]`: one table for each register",
            "",
            *_table(RegisterSettings, with_env=False),
            "",
            "## `[[group]]`: one table for each pool of registers",
            "",
            *_table(GroupSettings, with_env=False),
            "",
            "## `[[back_office]]`: one table for each system that is told of receipts",
            "",
            *_table(BackOfficeSettings, with_env=False),
            "",
            "## `[[shop]]`: one table for each shop program that speaks ATOL Online or KkmServer",
            "",
            *_table(ShopSettings, with_env=False),
            "",
            "## `[sign_in]`",
            "",
            *_table(AuthSettings),
            "",
            "## `[catalog]`",
            "",
            *_table(CatalogSettings),
            "",
        ]
    )


def _table(model: type[BaseModel], *, skip: tuple[str, ...] = (), with_env: bool = True) -> Iterator[str]:
    yield (
        "| key in the file | environment | default | allowed | meaning |"
        if with_env
        else ("| key | default | allowed | meaning |")
    )
    yield "|---|---|---|---|---|" if with_env else "|---|---|---|---|"
    for name, info in model.model_fields.items():
        if name in skip:
            continue
        env = env_of(info) or info.alias
        cells = [f"`{name}`", *([f"`{env}`" if env else ""] if with_env else [])]
        cells += [_default(info), _allowed(info), info.description or ""]
        yield "| " + " | ".join(cells) + " |"


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr) or value in (None, "", ()):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{_written(one)}`" for one in value)
    return f"`{_written(value)}`"


def _written(value: object) -> str:
    """As it stands in the file, without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.value if isinstance(value, StrEnum) else str(value)


def _allowed(info: FieldInfo) -> str:
    choices = choices_of(info.annotation)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    parts = []
    for rule in info.metadata:
        for sign, word in (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below")):
            bound = getattr(rule, sign, None)
            if bound is not None:
                parts.append(f"{word} {bound}")
        length = getattr(rule, "max_length", None)
        if length is not None:
            parts.append(f"at most {length} characters")
    return " ".join(parts)


if __name__ == "__main__":
    sys.stdout.write(render())
