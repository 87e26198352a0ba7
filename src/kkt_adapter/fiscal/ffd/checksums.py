"""Check digits of the numbers that stand in every document: INN and registration number."""

from binascii import crc_hqx

REGISTRATION_NUMBER_DIGITS = 16  # 10 given by the tax service, 6 of check part

# Weights of the check digits, by the length of the INN; the digit is sum mod 11 mod 10.
_WEIGHTS = {
    10: ((2, 4, 10, 3, 5, 9, 4, 6, 8),),
    12: ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)),
}


def inn_is_valid(inn: str) -> bool:
    """10 or 12 digits with right check digits. All zeros is the filler for "no INN", so nobody's: False."""
    if not _is_digits(inn) or len(inn) not in _WEIGHTS or not inn.strip("0"):
        return False
    digits = [int(c) for c in inn]
    return all(
        sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 % 10 == digits[len(weights)]
        for weights in _WEIGHTS[len(inn)]
    )


def registration_number_check(base: str, *, inn: str, serial_number: str) -> str:
    """The last six digits of a registration number (1037).

    CRC-16/CCITT-FALSE over ASCII: the ten digits given by the tax service, the user's INN filled with zeros
    on the left to 12, the register's serial number filled likewise to 20; written in decimal. ``0000000005``
    with INN 7702203276 and serial number 000000000002 gives ``008570``.

    Source: rule as public register software codes it, reproduced on the numbers above. Test registers carry
    invalid ones, so a mismatch deserves a warning, never a refusal.

    Raises:
        ValueError: ``base`` is not ten digits, or a part is too long or not ASCII.
    """
    if not _is_digits(base) or len(base) != 10:
        raise ValueError("the given part of a registration number has ten digits")
    if len(inn) > 12 or len(serial_number) > 20 or not (inn + serial_number).isascii():
        raise ValueError("INN of up to 12 and serial number of up to 20 ASCII characters expected")
    text = base + inn.rjust(12, "0") + serial_number.rjust(20, "0")
    return f"{crc_hqx(text.encode('ascii'), 0xFFFF):06d}"


def registration_number_is_valid(number: str, *, inn: str, serial_number: str) -> bool:
    """Whether the check part fits; False too when something is not in the shape the rule needs."""
    if not _is_digits(number) or len(number) != REGISTRATION_NUMBER_DIGITS:
        return False
    try:
        return registration_number_check(number[:10], inn=inn, serial_number=serial_number) == number[10:]
    except ValueError:
        return False


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
