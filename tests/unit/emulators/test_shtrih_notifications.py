"""Notifications of marked goods of an autonomous register: read out in blocks, confirmed in order."""

from kkt_adapter.emulators.shtrih.notifications import Notifications
from kkt_adapter.fiscal.ffd.tlv import decode, first
from kkt_adapter.fiscal.kkt.shtrih.wire.frame2 import crc16

MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


def test_notifications_of_an_autonomous_register_are_read_out_and_confirmed_in_order() -> None:
    kept = Notifications()
    kept.keep([])
    for n in range(2):
        kept.keep([(MARK, 15), (MARK[::-1], 3)][n:])
    count, number, size = (int.from_bytes(kept.begin()[a:b], "little") for a, b in ((0, 2), (2, 6), (6, 8)))
    assert (count, number, size) == (2, 1, len(kept.kept[1]))
    assert not kept.confirm(1, crc16(kept.kept[1])), "not read yet"
    whole: dict[int, bytes] = {}
    while (block := kept.next_block()) is not None:
        number, at = int.from_bytes(block[:4], "little"), int.from_bytes(block[6:8], "little")
        assert int.from_bytes(block[8:10], "little") == len(block) - 10 <= 128
        assert at == len(whole.setdefault(number, b""))
        whole[number] += block[10:]
    assert whole == kept.kept
    assert first(decode(whole[2]), 2007).child(2106).raw == b"\3"  # type: ignore[union-attr]
    assert not kept.confirm(2, crc16(whole[2])), "the first one first"
    assert not kept.confirm(1, crc16(whole[1]) ^ 1)
    assert kept.confirm(1, crc16(whole[1]))
    assert kept.confirm(2, crc16(whole[2]))
    assert kept.begin() == bytes(8)
