"""From the file, the environment and the command line to one ``Settings``."""

import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from kkt_adapter.catalog import settings as catalog_settings
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.fiscal.heartbeat.settings import with_environment
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth import settings as auth_settings
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings.fields import env_of
from kkt_adapter.settings.refusal import TABLES, refusals
from kkt_adapter.settings.register import with_password
from kkt_adapter.settings.rules import check_together, raise_all
from kkt_adapter.settings.service import Settings
from kkt_adapter.settings.shop import with_secret

READ_ELSEWHERE = ("KKT_CONFIG", "KKT_URL", "KKT_TOKEN")
LIKE = (
    0.86  # of 1; KKT_RETENTION_DAY and KKT_RETENTION_DAYS are 0.97, KKT_ADAPTER_PORT and KKT_ADAPTER_ID 0.8
)
CONFIG_FILE = "kkt-adapter.toml"


def load_settings(
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the file (``KKT_CONFIG``, else ``kkt-adapter.toml`` here if there is one), environment, overrides.

    Raises:
        SettingsInvalid: one line for each wrong setting: its name, its value and what is allowed.
    """
    environment = os.environ if environment is None else environment
    values = _from_file(file or _config_file(environment))
    for name, info in Settings.model_fields.items():
        variable = env_of(info)
        if variable is not None and environment.get(variable, "") != "":
            values[name] = environment[variable]
    named: set[str] = set()
    found = [
        *_each_row(values, "back_office", lambda table: with_environment(table, environment), named),
        *_each_row(values, "registers", lambda table: with_password(table, environment), named),
        *_each_row(values, "shop", lambda table: with_secret(table, environment), named),
        *_misspelt(environment, named),
    ]
    for name, model, read in (
        ("sign_in", AuthSettings, auth_settings.read_settings),
        ("catalog", CatalogSettings, catalog_settings.read_settings),
    ):
        try:
            values[name] = read(_section(model, values.get(name), environment))
        except SettingsInvalid as error:
            found.append(error)
            values.pop(name, None)
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    settings = _validated(values, found)
    if settings is not None:
        try:
            check_together(settings)
        except SettingsInvalid as error:
            found.append(error)
    raise_all(found)
    assert settings is not None, "what could not be validated was found"
    return settings


def _validated(values: Mapping[str, Any], found: list[SettingsInvalid]) -> Settings | None:
    """The settings; where single values are wrong, those without them, so that the rest is looked at too.

    What is wrong is added to ``found``. None: a table is wrong, and rules across tables would mislead.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        found += refusals(error, values)
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    if not wrong or wrong & TABLES.keys():
        return None
    try:
        return Settings.model_validate({name: value for name, value in values.items() if name not in wrong})
    except ValidationError:
        return None


def unread_variables(environment: Mapping[str, str], file: Path | None = None) -> tuple[str, ...]:
    """``unknown_variables`` beside the names that the tables of the file give to variables.

    Raises:
        SettingsInvalid: the file cannot be read.
    """
    named = [
        str(value)
        for table in _from_file(file or _config_file(environment)).values()
        for row in (table if isinstance(table, list) else ())
        if isinstance(row, dict)
        for key, value in row.items()
        if key.endswith("_env")
    ]
    return unknown_variables(environment, named=named)


def unknown_variables(environment: Mapping[str, str], *, named: Collection[str] = ()) -> tuple[str, ...]:
    """Variables KKT_* that nothing reads; ``named``: those that a table of the file names."""
    known = {*_variables(), *named}
    return tuple(sorted(name for name in environment if name.startswith("KKT_") and name not in known))


def _variables() -> set[str]:
    return {*READ_ELSEWHERE, *filter(None, map(env_of, Settings.model_fields.values()))}


def _misspelt(environment: Mapping[str, str], named: Collection[str]) -> list[SettingsInvalid]:
    """Unknown variables that look like a known one. Others may belong to another program of this machine."""
    unknown = unknown_variables(environment, named=named)
    if not unknown:
        return []
    from difflib import get_close_matches  # rarely needed

    found = []
    for name in unknown:
        meant = get_close_matches(name, _variables(), n=1, cutoff=LIKE)
        if meant:
            found.append(
                SettingsInvalid(
                    f"unknown variable {name}: did you mean {meant[0]}?",
                    f"неизвестная переменная {name}: возможно, {meant[0]}?",
                )
            )
    return found


def _each_row(
    values: dict[str, Any], name: str, read: Callable[[object], object], named: set[str]
) -> list[SettingsInvalid]:
    """Replace each row of a table by what ``read`` makes of it; add to ``named`` the variables it names."""
    found: list[SettingsInvalid] = []
    rows = values.get(name)
    if not isinstance(rows, list):
        return found
    for place, row in enumerate(rows):
        if isinstance(row, dict):
            named.update(str(value) for key, value in row.items() if key.endswith("_env"))
        try:
            rows[place] = read(row)
        except SettingsInvalid as error:
            found.append(error)
            rows[place] = {
                k: v
                for k, v in row.items()
                if not k.endswith("_env") and k not in ("password_file", "secret_file")
            }
    return found


def _section(model: type[BaseModel], given: object, environment: Mapping[str, str]) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise SettingsInvalid(
            "sign_in and catalog are tables of the file", "sign_in и catalog — таблицы файла"
        )
    values: dict[str, Any] = {}
    for name, value in (given or {}).items():
        field = model.model_fields.get(name)
        if field is None:
            raise SettingsInvalid(f"unknown setting {name!r}", f"неизвестная настройка {name!r}")
        values[field.alias or name] = value
    for name, field in model.model_fields.items():
        variable = field.alias or name
        if environment.get(variable, "") != "":
            values[variable] = environment[variable]
    return values


def _config_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get("KKT_CONFIG")
    if named:
        return Path(named)
    return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsInvalid(
            f"cannot read the configuration {path}: {error.strerror}",
            f"не читается файл настроек {path}: {error.strerror}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}", f"{path} — не TOML: {error}") from error
    if "registers" in values:
        raise SettingsInvalid(
            "unknown setting registers: a register is a table [[register]]",
            "неизвестная настройка registers: ККТ описывается таблицей [[register]]",
        )
    if "register" in values:
        values["registers"] = values.pop("register")
    return values
