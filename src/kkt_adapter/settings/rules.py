"""Rules over several settings, and over addresses."""

from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import urlsplit

from kkt_adapter.fiscal.heartbeat.settings import check_back_offices
from kkt_adapter.fiscal.heartbeat.short_secrets import check_secrets
from kkt_adapter.fiscal.kkt.virtual import name_fault
from kkt_adapter.kernel.addresses import address_fault
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth.shops import refuse_twice
from kkt_adapter.settings.group import group_faults
from kkt_adapter.settings.register import RegisterSettings
from kkt_adapter.settings.service import Settings
from kkt_adapter.settings.shop import ShopSettings, check_shops

WEB = ("http", "https")
REDIS = ("redis", "rediss", "unix")
WEB_ADDRESSES = {  # by the name of the setting: its variable, and the setting that permits http
    "ofd_base_url": ("OFD_BASE_URL", "ofd_allow_insecure"),
    "notify_url": ("KKT_NOTIFY_URL", "notify_allow_insecure"),
    "notify_telegram_url": ("KKT_NOTIFY_TELEGRAM_URL", None),
}


def check_together(settings: Settings) -> None:
    """Raises SettingsInvalid, naming all settings that do not go together, and addresses that are none."""
    checks: list[Callable[[], None]] = [
        partial(_check_auth, settings),
        partial(_check_tills, settings.registers),
        partial(_check_groups, settings),
        partial(_check_operator, settings.ofd_host, settings.ofd_port),
        *(partial(_check_web_address, settings, name) for name in WEB_ADDRESSES),
        partial(_check_tls, settings),
        partial(_check_public_url, settings.public_url),
        partial(_check_proxy_address, settings.notify_proxy),
        partial(_check_redis_address, settings.redis_url),
        partial(check_back_offices, settings.back_offices),
        partial(_check_notify, settings),
        partial(_check_shops, settings),
        partial(check_secrets, settings.back_offices, notify=settings.notify_secret),
    ]
    raise_all(found for check in checks if (found := _refusal_of(check)) is not None)


def _refusal_of(check: Callable[[], None]) -> SettingsInvalid | None:
    try:
        check()
    except SettingsInvalid as refusal:
        return refusal
    return None


def raise_all(refusals: Iterable[SettingsInvalid]) -> None:
    """Raises SettingsInvalid with one line for each of ``refusals``; nothing when there is none."""
    found = list(refusals)
    if len(found) == 1:
        raise found[0]
    if found:
        raise SettingsInvalid(
            "\n".join(one.detail.en for one in found), "\n".join(one.detail.ru for one in found)
        )


def _check_auth(settings: Settings) -> None:
    if settings.auth == "open" and not settings.on_loopback:
        raise SettingsInvalid(
            f"auth (KKT_AUTH) = open is allowed on a loopback address only, not on {settings.host}: "
            "make an account and use auth = closed",
            f"auth (KKT_AUTH) = open допустимо только на loopback, не на {settings.host}: "
            "заведите учётную запись и укажите auth = closed",
        )
    if settings.auth == "open" and settings.trusted_proxies:
        raise SettingsInvalid(
            "auth (KKT_AUTH) = open and trusted_proxies (KKT_TRUSTED_PROXIES) do not go together: behind a "
            "proxy use auth = closed and give each till a token",
            "auth (KKT_AUTH) = open и trusted_proxies (KKT_TRUSTED_PROXIES) не сочетаются: за прокси укажите "
            "auth = closed и выдайте каждой кассе токен",
        )


def _check_tills(registers: tuple[RegisterSettings, ...]) -> None:
    seen: set[str] = set()
    tills: set[str] = set()
    for register in registers:
        if register.id in seen:
            raise SettingsInvalid(f"two registers are called {register.id}", f"две ККТ названы {register.id}")
        seen.add(register.id)
        fault = name_fault(register.id, register.tills[0]) if register.driver == "virtual" else None
        if fault is not None:
            raise SettingsInvalid(
                f"[[register]] {register.id}: {fault.en}", f"[[register]] {register.id}: {fault.ru}"
            )
        doubled = tills.intersection(register.tills)
        if doubled:
            till = sorted(doubled)[0]
            raise SettingsInvalid(f"till {till} prints on two registers", f"касса {till} указана у двух ККТ")
        tills.update(register.tills)


def _check_groups(settings: Settings) -> None:
    raise_all(SettingsInvalid(text.en, text.ru) for text in group_faults(settings.group, settings.registers))


def _check_operator(host: str, port: int) -> None:
    """Half an address would be passed over in silence."""
    if bool(host) != bool(port):
        raise SettingsInvalid(
            f"ofd_host (OFD_HOST) and ofd_port (OFD_PORT) go together: "
            f"{'ofd_port' if host else 'ofd_host'} is missing",
            f"ofd_host (OFD_HOST) и ofd_port (OFD_PORT) задаются вместе: "
            f"не указан {'ofd_port' if host else 'ofd_host'}",
        )


def _check_web_address(settings: Settings, name: str) -> None:
    address, insecure = getattr(settings, name), WEB_ADDRESSES[name][1]
    fault = address and address_fault(
        address,
        allow_insecure=insecure is not None and getattr(settings, insecure),
        query_may_sign=name == "notify_url",
        name=f"setting {name} ({WEB_ADDRESSES[name][0]})",
    )
    if fault:
        raise SettingsInvalid(fault.en, fault.ru.replace("setting", "настройка", 1))


def _check_tls(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsInvalid(
            "tls_cert (KKT_TLS_CERT) and tls_key (KKT_TLS_KEY) go together",
            "tls_cert (KKT_TLS_CERT) и tls_key (KKT_TLS_KEY) задаются вместе",
        )


def _check_public_url(address: str) -> None:
    fault = address and (
        not _is_address(address, WEB) or urlsplit(address).query or urlsplit(address).fragment
    )
    if fault or urlsplit(address).username:
        raise SettingsInvalid(
            "setting public_url (KKT_PUBLIC_URL): allowed is https://host or https://host/path",
            "настройка public_url (KKT_PUBLIC_URL): допустимо https://хост или https://хост/путь",
        )


def _check_proxy_address(address: str) -> None:
    """A proxy has no other place for its credentials than its address, and is plain http by nature."""
    if address and not _is_address(address, WEB):
        raise SettingsInvalid(
            "setting notify_proxy (KKT_NOTIFY_PROXY): allowed is an http or https address",
            "настройка notify_proxy (KKT_NOTIFY_PROXY): допустим адрес http или https",
        )


def _check_redis_address(address: str) -> None:
    if address and not _is_address(address, REDIS):
        raise SettingsInvalid(
            "setting redis_url (REDIS_URL): allowed is redis://host:port/number, rediss://... or unix://...",
            "настройка redis_url (REDIS_URL): допустимо redis://хост:порт/номер, rediss://... или unix://...",
        )


def _is_address(address: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(address)
        whole = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname)
        return parts.scheme in schemes and whole and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def _check_shops(settings: Settings) -> None:
    check_shops(settings.shop)
    for shop in settings.shop:
        check_groups_of(shop, settings)
    refuse_twice([one.shop for one in settings.shop], ())


def check_groups_of(shop: ShopSettings, settings: Settings) -> None:
    """Its groups are there, or tills of these names; without registers (``--demo``) they are made on demand.

    Raises:
        SettingsInvalid: it names those that are not.
    """
    tills = {till for register in settings.registers for till in register.tills}
    unknown = sorted(set(shop.groups) - {group.id for group in settings.group} - tills)
    if settings.registers and unknown:
        raise SettingsInvalid(
            f"[[shop]] {shop.id}: there is no [[group]] and no till {', '.join(unknown)}",
            f"[[shop]] {shop.id}: нет ни [[group]], ни кассы {', '.join(unknown)}",
        )


def _check_notify(settings: Settings) -> None:
    if bool(settings.notify_telegram_token.get_secret_value()) != bool(settings.notify_telegram_chat):
        raise SettingsInvalid(
            "notify_telegram_token and notify_telegram_chat go together",
            "notify_telegram_token и notify_telegram_chat задаются вместе",
        )
