"""The configuration of a register against its registration: checked once, before any receipt.

Nobody changes the facts of a registration from outside, so a contradiction stops the register; the text names
the setting, its value and the fact.
"""

from kkt_adapter.fiscal.ffd.checksums import inn_is_valid
from kkt_adapter.fiscal.ffd.measures import find_measure
from kkt_adapter.fiscal.ffd.validation.lines import METHODS, SUBJECTS
from kkt_adapter.fiscal.ffd.validation.people import CASHIER_INN_DIGITS, CASHIER_LIMIT
from kkt_adapter.fiscal.ffd.validation.place import is_site, tax_systems
from kkt_adapter.fiscal.model import RegisterDefaults, RegisterProfile, Registration
from kkt_adapter.kernel.errors import SettingsInvalid, Text

VAT_DATES = ("warn", "refuse")
RECEIPT_KEY_MODES = ("auto", "1084", "off")


def check_profile(profile: RegisterProfile) -> None:
    """Raises SettingsInvalid with everything that keeps this register from making receipts."""
    found = [
        *_against_registration(profile.defaults, profile.registration),
        *_by_itself(profile.defaults),
    ]
    if found:
        where = f"register {profile.register_id}: "
        raise SettingsInvalid(
            where + "; ".join(text.en for text in found),
            f"касса {profile.register_id}: " + "; ".join(text.ru for text in found),
            register_id=profile.register_id,
        )


def _against_registration(defaults: RegisterDefaults, registration: Registration) -> list[Text]:
    found = []
    systems = tax_systems(registration.taxation_mask)
    listed = ", ".join(map(str, systems))
    if defaults.taxation is not None and defaults.taxation not in systems:
        found.append(
            Text(
                f"taxation = {defaults.taxation}, but the device is registered for {listed} (1062)",
                f"taxation = {defaults.taxation}, а устройство зарегистрировано для {listed} (1062)",
            )
        )
    if defaults.taxation is None and len(systems) != 1:
        found.append(
            Text(
                f"taxation is not set and the device is registered for several systems: {listed} (1062)",
                f"taxation не задана, а устройство зарегистрировано для нескольких систем: {listed} (1062)",
            )
        )
    if not defaults.cashier and not (registration.auto_mode or registration.internet_only):
        found.append(
            Text(
                "cashier is empty, but the device works with a cashier (1001 = 0 and 1108 = 0)",
                "cashier не задан, а устройство работает с кассиром (1001 = 0 и 1108 = 0)",
            )
        )
    internet = defaults.internet or registration.internet_only
    if internet and not defaults.site and not is_site(registration.place):
        found.append(
            Text(
                f"site is not set and the registered place {registration.place!r} (1187) is no site, "
                "but receipts are of the Internet",
                f"site не задан, место расчётов {registration.place!r} (1187) не сайт, "
                "а чеки оформляются как интернет-расчёты",
            )
        )
    return found


def _by_itself(defaults: RegisterDefaults) -> list[Text]:
    found = []
    if defaults.cashier is not None and len(defaults.cashier) > CASHIER_LIMIT:
        found.append(
            Text(
                f"cashier has {len(defaults.cashier)} characters, at most {CASHIER_LIMIT}",
                f"cashier: {len(defaults.cashier)} символов, не более {CASHIER_LIMIT}",
            )
        )
    inn = defaults.cashier_inn
    if inn is not None and not (len(inn) == CASHIER_INN_DIGITS and inn_is_valid(inn)):
        found.append(
            Text(
                f"cashier_inn = {inn} is no INN of a person (12 digits)",
                f"cashier_inn = {inn} не ИНН физического лица (12 цифр)",
            )
        )
    if defaults.site is not None and not is_site(defaults.site):
        found.append(Text(f"site = {defaults.site!r} is no site", f"site = {defaults.site!r} не сайт"))
    if defaults.unit is not None and find_measure(defaults.unit) is None:
        found.append(Text(f"unit = {defaults.unit!r} is no measure", f"unit = {defaults.unit!r} не мера"))
    if defaults.subject not in SUBJECTS:
        found.append(_choice("subject", defaults.subject, "1..27, 30..33"))
    if defaults.method is not None and defaults.method not in METHODS:
        found.append(_choice("method", defaults.method, "1..7"))
    if defaults.vat_dates not in VAT_DATES:
        found.append(_choice("vat_dates", defaults.vat_dates, ", ".join(VAT_DATES)))
    if defaults.receipt_key not in RECEIPT_KEY_MODES:
        found.append(_choice("receipt_key", defaults.receipt_key, ", ".join(RECEIPT_KEY_MODES)))
    return found


def _choice(setting: str, value: object, allowed: str) -> Text:
    return Text(f"{setting} = {value}, allowed: {allowed}", f"{setting} = {value}, допустимо: {allowed}")
