"""Every brand that the lab has, by the name of its driver in ``[[register]]``."""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.lab.devices import atol, shtrih
from kkt_adapter.lab.devices.device import Brand

BRANDS: Mapping[str, Brand] = MappingProxyType({"shtrih": shtrih.BRAND, "atol": atol.BRAND})
