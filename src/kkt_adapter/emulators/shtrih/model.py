"""Which device is emulated: its name, its abilities (bits of F7h), and how its firmware behaves."""

from dataclasses import dataclass, field

from kkt_adapter.fiscal.kkt.shtrih.device import (
    BIT_AUTO_CANCEL,
    BIT_CASH_CORE,
    BIT_CORRECTIONS,
    BIT_EXTENDED_ANSWERS,
    BIT_FN,
    BIT_FOUR_BYTE_ERRORS,
    BIT_PROTOCOL_2,
    BIT_RELAY,
)

DESKTOP_BITS = frozenset(
    {36, 37, 42, BIT_FN, BIT_RELAY, 45, 46, 47, BIT_CORRECTIONS, BIT_PROTOCOL_2, BIT_FOUR_BYTE_ERRORS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """``bits`` None: firmware without F7h."""

    number: int = 22
    name: str = "ЭМУЛЯТОР ШТРИХ-М"
    bits: frozenset[int] | None = DESKTOP_BITS
    tables: tuple[int, ...] = (18, 19, 24, 17, 17, 25)  # FN, OFD, internet, FFD, FFD field, fiscalisation
    dump_mode: bool = True  # FF3A switches to mode 1 until it is read to the end
    one_tlv_per_piece: bool = False  # FF3B
    piece: int = 128  # bytes of FF3B otherwise
    noise: bool = False  # one FFh after the host's ACK
    needs_enquiry: bool = False  # STX without ENQ is not taken
    refused_tags: frozenset[int] = field(default_factory=frozenset)  # FF0C answers 33h

    def has(self, bit: int) -> bool:
        return self.bits is not None and bit in self.bits

    @property
    def flags(self) -> int:
        return sum(1 << bit for bit in self.bits or ())

    @property
    def tags_first(self) -> bool:
        return self.has(BIT_CASH_CORE)

    @property
    def auto_cancel(self) -> bool:
        return self.has(BIT_AUTO_CANCEL)

    @property
    def four_byte_errors(self) -> bool:
        return self.has(BIT_FOUR_BYTE_ERRORS)

    @property
    def extended_answers(self) -> bool:
        return self.has(BIT_EXTENDED_ANSWERS)


DESKTOP = Model()
CASH_CORE = Model(
    number=45,
    name="ЭМУЛЯТОР ШТРИХ-М CASH CORE",
    bits=DESKTOP_BITS | {BIT_CASH_CORE, BIT_EXTENDED_ANSWERS},
    dump_mode=False,
    one_tlv_per_piece=True,
)
OLD = Model(number=4, name="ЭМУЛЯТОР ШТРИХ-М 2017", bits=None, refused_tags=frozenset({1192}))
