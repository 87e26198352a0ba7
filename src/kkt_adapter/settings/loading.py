"""From the file, the environment and the command line to one ``Settings``."""

import os
import tomllib
from collections.abc import Mapping
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
from kkt_adapter.settings.refusal import refusal
from kkt_adapter.settings.register import with_password
from kkt_adapter.settings.rules import check_together
from kkt_adapter.settings.service import Settings

CONFIG_FILE = "kkt-adapter.toml"


def load_settings(
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the file (``KKT_CONFIG``, else ``kkt-adapter.toml`` here if there is one), environment, overrides.

    Raises:
        SettingsInvalid: one line naming the setting, its value and what is allowed.
    """
    environment = os.environ if environment is None else environment
    values = _from_file(file or _config_file(environment))
    for name, info in Settings.model_fields.items():
        variable = env_of(info)
        if variable is not None and environment.get(variable, "") != "":
            values[name] = environment[variable]
    if isinstance(values.get("back_office"), list):
        values["back_office"] = [with_environment(table, environment) for table in values["back_office"]]
    if isinstance(values.get("registers"), list):
        values["registers"] = [with_password(table, environment) for table in values["registers"]]
    values["sign_in"] = auth_settings.read_settings(
        _section(AuthSettings, values.get("sign_in"), environment)
    )
    values["catalog"] = catalog_settings.read_settings(
        _section(CatalogSettings, values.get("catalog"), environment)
    )
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise refusal(error, values) from None
    check_together(settings)
    return settings


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
        values = tomllib.loads(path.read_text(encoding="utf-8"))
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
