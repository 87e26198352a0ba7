"""Every setting of the product: one TOML file, the environment over it, the command line over both.

In: a file, the environment and arguments. Out: `Settings`, or all that is wrong with them at once.

A field's ``env`` is its environment variable; its own name is the key in the file. An unknown key in the
file or an impossible value stops the start with one line that names it. ``docs/reference/settings.md`` is
generated from this package.
"""

from kkt_adapter.settings.fields import env_of
from kkt_adapter.settings.group import GroupSettings
from kkt_adapter.settings.loading import CONFIG_FILE, load_settings
from kkt_adapter.settings.register import RegisterSettings, Transport
from kkt_adapter.settings.service import Settings
from kkt_adapter.settings.shop import ShopSettings

__all__ = [
    "CONFIG_FILE",
    "GroupSettings",
    "RegisterSettings",
    "Settings",
    "ShopSettings",
    "Transport",
    "env_of",
    "load_settings",
]
