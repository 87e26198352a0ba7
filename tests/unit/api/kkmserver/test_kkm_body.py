"""Pictures are dropped while a body is read; nothing else changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.api.doors.kkmserver.body import PictureFilter


def _fed(raw: bytes, step: int) -> bytes:
    pictures = PictureFilter()
    return b"".join(pictures.feed(raw[at : at + step]) for at in range(0, len(raw), step))


SENT = json.dumps(
    {
        "Command": "RegisterCheck",
        "CheckStrings": [
            {"PrintImage": {"Image": "Qk0" + "A" * 5000}},
            {"PrintText": {"Text": 'the "Image": "kept" \\ here'}},
            {"Register": {"Name": "Image", "GoodCodeData": {"BarCode": "01\u001d\\"}}},
            {"PrintImage": {"image": 'x\\"y', "Images": "stays"}},
        ],
        "Image": {"Image": ["stays too", "as well"]},
    }
).encode()


@pytest.mark.parametrize("step", [1, 2, 7, 64, 100_000])
def test_only_pictures_go_however_the_body_is_cut(step: int) -> None:
    kept = _fed(SENT, step)
    assert len(kept) < len(SENT) - 4900
    wanted = json.loads(SENT)
    wanted["CheckStrings"][0]["PrintImage"]["Image"] = ""
    wanted["CheckStrings"][3]["PrintImage"]["image"] = ""
    assert json.loads(kept) == wanted


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(value=_VALUES, step=st.integers(1, 50))
def test_a_body_without_pictures_passes_byte_by_byte(value: object, step: int) -> None:
    raw = json.dumps(value, ensure_ascii=False).encode()
    if b"image" not in raw.lower():
        assert _fed(raw, step) == raw


@given(raw=st.binary(max_size=200), step=st.integers(1, 20))
def test_bytes_that_are_no_json_hurt_nobody(raw: bytes, step: int) -> None:
    kept = _fed(raw, step)
    assert len(kept) <= len(raw)
