"""A made-up catalogue: the same for the same seed, and able to change the way a real one does."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

FIRST_ID = 10_000_000_000_000  # ids are texts of 14 digits
ID_STEP = 7  # gaps, as in a living catalogue
PLATFORMS = ("Steam", "Xbox Live", "PSN", "Nintendo", "GOG", "Origin", "")
REGIONS = ("GLOBAL", "EUROPE", "UNITED STATES", "RU/CIS", "LATAM", "")
PUBLISHERS = ("Northlight", "Blue Harbor", "1С-СофтКлаб", "Éditions Brume", "Tin Fox", "")
CATEGORIES = ((109, "Action"), (110, "RPG"), (111, "Стратегии"), (112, "Simulation"), (113, "Indie"))
WORDS = (
    "Silent", "Deep", "Last", "Crimson", "Ведьмин", "Star", "Frozen", "Hollow", "Pokémon", "Iron",
    "Harbor", "Empire", "Лес", "Station", "Garden", "Echo", "Königreich", "Voyage", "Mill", "Crown",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """What can change in a product; the rest follows from ``number``."""

    number: int
    cents: int | None
    qty: int
    available: bool = True
    broken: str = ""  # a way in which the entry cannot be used: see `document`

    @property
    def id(self) -> str:
        return str(FIRST_ID + self.number * ID_STEP)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a sync must find after `Catalogue.advance`; ids."""

    gone: frozenset[str]
    new: frozenset[str]
    repriced: frozenset[str]
    sold_out: frozenset[str]


class Catalogue:
    """A list of products, ordered by id. Every change raises ``version``."""

    def __init__(self, products: int, *, seed: int = 1) -> None:
        self.seed = seed
        self.version = 0
        self.generation = 1
        self._next = products
        self.items: list[Item] = [_item(number, seed) for number in range(products)]

    def advance(
        self, *, gone: float = 0.03, repriced: float = 0.10, new: float = 0.02, sold_out: float = 0.01
    ) -> Expected:
        """Let a day pass: shares of the present products go, change their price, come, sell out."""
        self.generation += 1
        dice = random.Random(f"{self.seed}:{self.generation}")
        size = len(self.items)
        order = dice.sample(range(size), size)
        gone_at = set(_take(order, round(size * gone)))
        repriced_at = set(_take(order, round(size * repriced)))
        in_stock = [place for place in order if self.items[place].qty > 0]
        sold_out_at = set(in_stock[: round(size * sold_out)])
        kept: list[Item] = []
        expected: dict[str, set[str]] = {"gone": set(), "repriced": set(), "sold_out": set()}
        for place, item in enumerate(self.items):
            if place in gone_at:
                expected["gone"].add(item.id)
                continue
            if place in repriced_at:
                item = replace(item, cents=(item.cents or 0) + dice.randint(1, 300))
                expected["repriced"].add(item.id)
            if place in sold_out_at:
                item = replace(item, qty=0)
                expected["sold_out"].add(item.id)
            kept.append(item)
        added = [self._fresh() for _ in range(round(size * new))]
        self.replace_all([*kept, *added])
        return Expected(
            gone=frozenset(expected["gone"]),
            new=frozenset(item.id for item in added),
            repriced=frozenset(expected["repriced"]),
            sold_out=frozenset(expected["sold_out"]),
        )

    def remove(self, places: Iterable[int]) -> list[str]:
        """Take products out by place; returns their ids."""
        chosen = set(places)
        taken = [item.id for place, item in enumerate(self.items) if place in chosen]
        self.replace_all([item for place, item in enumerate(self.items) if place not in chosen])
        return taken

    def insert(self, count: int, *, first: bool = False) -> list[str]:
        """Put new products at the end, or at the very beginning; returns their ids."""
        fresh = [self._fresh() for _ in range(count)]
        self.replace_all([*fresh, *self.items] if first else [*self.items, *fresh])
        return [item.id for item in fresh]

    def change(self, place: int, item: Item) -> None:
        items = list(self.items)
        items[place] = item
        self.replace_all(items)

    def replace_all(self, items: list[Item]) -> None:
        self.items = items
        self.version += 1

    def _fresh(self) -> Item:
        item = _item(self._next, self.seed)
        self._next += 1
        return item


def document(item: Item) -> str:
    """The product as the JSON text that the vendor sends (facts: docs/reference/g2a.md)."""
    n = item.number
    name = f"{WORDS[n % 20]} {WORDS[(n * 7 + 3) % 20]} {n}"
    slug = f"/product-{n}-i{item.id}"
    picture = f"https://images.example.com/{n % 97}/{item.id}"
    category, label = CATEGORIES[n % 5]
    text = f"Minimum for part {n % 31} of the series, on the reference machine of the studio, low settings"
    requirement = {
        "reqprocessor": f"Intel Core i5-{2000 + n % 900}K or AMD Ryzen {n % 7 + 1}; {text}",
        "reqgraphics": f"NVIDIA GTX {900 + n % 90}; {text}",
        "reqmemory": f"{4 + n % 13} GB RAM",
        "reqdiskspace": f"{10 + n % 90} GB",
        "reqsystem": f"Windows 10 (64-bit) or later; {text}",
        "reqother": text if n % 3 == 0 else "",
    }
    flags = ("violence", "profanity", "discrimination", "drugs", "fear", "gambling", "online", "sex")
    value = {
        "id": item.id,
        "name": name,
        "slug": slug,
        "type": "key" if n % 11 else "",
        "qty": item.qty if n % 13 else str(item.qty),
        "minPrice": _number(item.cents),
        "retail_min_price": _number(None if item.cents is None else item.cents + item.cents // 10),
        "retailMinBasePrice": _number(item.cents),
        "availableToBuy": item.available,
        "thumbnail": f"{picture}/58x58.jpg",
        "smallImage": f"{picture}/230x336.jpg",
        "coverImage": f"{picture}/cover.jpg" if n % 4 else "",
        "images": [f"{picture}/{place}.jpg" for place in range(n % 4)],
        "updated_at": f"2026-01-{n % 28 + 1:02d} 10:00:00" if n % 2 else "",
        "release_date": f"20{n % 25:02d}-{n % 12 + 1:02d}-15" if n % 9 else "",
        "region": REGIONS[n % 6],
        "developer": PUBLISHERS[(n + 1) % 6],
        "publisher": PUBLISHERS[n % 6],
        "platform": PLATFORMS[n % 7],
        "priceLimit": {"min": _number(50) if n % 3 else None, "max": _number(9_999) if n % 5 else None},
        "categories": [{"id": category if n % 2 else str(category), "name": label}] if n % 8 else [],
        "videos": [{"type": "YOUTUBE", "url": f"https://video.example.com/{n}"}] if n % 6 == 0 else [],
        "restrictions": {f"pegi_{flag}": bool((n >> place) & 1) for place, flag in enumerate(flags)},
        "requirements": {"minimal": requirement, "recommended": requirement},
    }
    match item.broken:
        case "id":
            del value["id"]
        case "name":
            value["name"] = ""
        case "price":
            value["minPrice"] = "free"
        case "qty":
            value["qty"] = -1
        case _:
            pass
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _item(number: int, seed: int) -> Item:
    mixed = (number * 2_654_435_761 + seed * 40_503) & 0xFFFF_FFFF
    cents = None if mixed % 211 == 0 else 49 + mixed % 5_951
    return Item(
        number=number, cents=cents, qty=0 if mixed % 17 == 0 else mixed % 500 + 1, available=mixed % 5 != 0
    )


def _number(cents: int | None) -> int | float | None:
    """Money as the vendor writes it: a whole number when it is one, else a fraction; never rounded here."""
    if cents is None:
        return None
    return cents // 100 if cents % 100 == 0 else float(Decimal(cents) / 100)


def _take(order: list[int], count: int) -> list[int]:
    taken = order[:count]
    del order[:count]
    return taken
