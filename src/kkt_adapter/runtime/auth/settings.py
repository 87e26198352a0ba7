"""Settings of sign-in. The caller reads the environment; a field's alias is its variable."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from kkt_adapter.kernel.errors import SettingsInvalid


class AuthSettings(BaseModel):
    """Populate by field name or by environment name. The rules of the secret are those of ``secret.py``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore", str_strip_whitespace=True)

    secret: Annotated[
        SecretStr,
        Field(
            alias="AUTH_SECRET",
            description="signs access tokens, at least 32 bytes; empty: made at first start and kept in the "
            "data directory; with PostgreSQL it must be given",
        ),
    ] = SecretStr("")
    token_minutes: Annotated[
        int,
        Field(
            ge=1,
            le=1440,
            alias="AUTH_TOKEN_MINUTES",
            description="how long a sign-in holds; in the pages, how long without use",
        ),
    ] = 30

    @property
    def token_lifetime(self) -> timedelta:
        return timedelta(minutes=self.token_minutes)


def read_settings(values: Mapping[str, object]) -> AuthSettings:
    """Settings from environment-like values; names that are not ours are ignored.

    Raises:
        SettingsInvalid: one line naming variable, value and allowed range.
    """
    try:
        return AuthSettings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if "minutes" in str(first["loc"][0]).lower():
            value = first["input"]
            raise SettingsInvalid(
                f"AUTH_TOKEN_MINUTES={value}: allowed is a whole number 1-1440",
                f"AUTH_TOKEN_MINUTES={value}: допустимо целое число 1-1440",
            ) from None
        raise SettingsInvalid("AUTH_SECRET: must be text", "AUTH_SECRET: должен быть текстом") from None
