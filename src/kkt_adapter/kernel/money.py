"""Money and quantities as whole numbers.

Money is kopecks; a quantity is millionths of its measure. Both are exact, both fit SQLite's and
PostgreSQL's 64-bit integers, and no binary floating point number ever touches them.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Kopecks = NewType("Kopecks", int)
Quantity = NewType("Quantity", int)  # millionths: 1.5 kg is 1_500_000

QUANTITY_SCALE = 1_000_000  # six decimals, the most the FFD registers take (tag 1023)
ONE = Quantity(QUANTITY_SCALE)


def kopecks(value: int | Decimal) -> Kopecks:
    """Rubles to kopecks, half up. The caller has made sure that ``value`` is finite."""
    if isinstance(value, int):
        return Kopecks(value * 100)
    return Kopecks(int((value * 100).to_integral_value(rounding=ROUND_HALF_UP)))


def rubles(amount_kop: int) -> str:
    """Kopecks to text with exactly two decimals: 9775 -> ``97.75``."""
    sign = "-" if amount_kop < 0 else ""
    return f"{sign}{abs(amount_kop) // 100}.{abs(amount_kop) % 100:02d}"


def line_amount(price_kop: int, quantity: int) -> Kopecks:
    """price x quantity, half up to the kopeck; both are not negative."""
    return Kopecks(divide_half_up(price_kop * quantity, QUANTITY_SCALE))


def divide_half_up(numerator: int, denominator: int) -> int:
    """Integer division rounded half up; numerator >= 0, denominator > 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def quantity(value: Decimal) -> Quantity:
    """An exact decimal with at most six decimals to millionths.

    Raises:
        ValueError: more than six decimals.
    """
    scaled = value * QUANTITY_SCALE
    whole = int(scaled)
    if scaled != whole:
        raise ValueError("a quantity has at most six decimals")
    return Quantity(whole)


def quantity_text(amount: int) -> str:
    """Millionths to the shortest decimal text: 1_500_000 -> ``1.5``."""
    whole, rest = divmod(amount, QUANTITY_SCALE)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
