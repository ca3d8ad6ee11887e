"""How a blob is cut, asked for and put together again."""

import base64
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import chunks
from protocol.errors import Malformed
from protocol.messages import BlobRequest

PIECE = chunks.CHUNK_BYTES


@given(st.integers(1, 20), st.integers(-1, 1), st.randoms())
def test_pieces_in_any_order_make_the_blob_again(pieces: int, off: int, random: Random) -> None:
    length = pieces * PIECE + off
    order = list(range(chunks.count(length)))
    random.shuffle(order)
    covered = sorted(chunks.span(index, length) for index in order)
    assert covered[0][0] == 0
    assert covered[-1][1] == length
    assert all(before[1] == after[0] for before, after in pairwise(covered))
    assert all(stop - start <= PIECE for start, stop in covered)


@given(st.integers(1, chunks.MAX_BLOB_BYTES), st.data())
def test_a_bitmap_names_exactly_what_was_asked_for(length: int, data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(0, chunks.count(length) - 1)))
    assert chunks.from_bitmap(chunks.to_bitmap(missing, length), length) == sorted(missing)


@given(st.text(max_size=40), st.integers(-1, 10 * PIECE))
def test_any_text_is_a_bitmap_or_malformed(text: str, length: int) -> None:
    try:
        asked = chunks.from_bitmap(text, length)
    except Malformed:
        return
    assert all(0 <= index < chunks.count(length) for index in asked)


@pytest.mark.parametrize(
    "length",
    [
        pytest.param(0, id="an empty blob"),
        pytest.param(-1, id="a negative length"),
        pytest.param(chunks.MAX_BLOB_BYTES + 1, id="one byte over the limit"),
        pytest.param(2**53, id="the largest count a message can hold"),
    ],
)
def test_no_blob_has_this_length(length: int) -> None:
    with pytest.raises(Malformed):
        chunks.count(length)
    with pytest.raises(Malformed):
        chunks.from_bitmap("AA==", length)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_piece_that_does_not_exist_is_malformed(index: int) -> None:
    with pytest.raises(Malformed):
        chunks.span(index, PIECE + 1)
    with pytest.raises(Malformed):
        chunks.to_bitmap([index], PIECE + 1)


@pytest.mark.parametrize(
    "bitmap",
    [
        pytest.param("", id="nothing"),
        pytest.param("AAA=", id="two bytes where one is due"),
        pytest.param("****", id="not base64"),
        pytest.param("ÄÖ==", id="letters outside ASCII"),
        pytest.param("\ud800", id="half of a surrogate pair"),
    ],
)
def test_a_bitmap_of_the_wrong_form_is_malformed(bitmap: str) -> None:
    with pytest.raises(Malformed):
        chunks.from_bitmap(bitmap, 3 * PIECE)


def test_bits_beyond_the_last_piece_ask_for_nothing() -> None:
    assert chunks.from_bitmap(base64.b64encode(b"\xff").decode(), 3 * PIECE) == [0, 1, 2]


def test_the_bitmap_of_the_largest_blob_fits_its_field() -> None:
    largest = chunks.MAX_BLOB_BYTES
    bitmap = chunks.to_bitmap(range(chunks.count(largest)), largest)
    assert BlobRequest(sha256="ab" * 32, length=largest, missing=bitmap).missing == bitmap
    assert len(bitmap) < 200


def test_a_blob_is_named_by_its_sha256() -> None:
    assert chunks.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
