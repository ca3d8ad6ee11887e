"""Every topic that is built can be parsed, and nothing else can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import topics
from protocol.errors import Malformed
from protocol.version import PROTOCOL_VERSION

NAMES = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z").filter(lambda name: name != "blob")
DIGESTS = st.from_regex(r"\A[0-9a-f]{64}\Z")
DIGEST = "ab" * 32


@given(NAMES, NAMES, st.sampled_from(topics.FROM_DEVICE))
def test_what_a_device_publishes_to_is_recognised(fleet: str, device: str, kind: str) -> None:
    assert topics.parse_from_device(topics.DeviceTopics(fleet, device).of(kind)) == (fleet, device, kind)


@given(NAMES, NAMES, st.sampled_from(topics.TO_DEVICE))
def test_what_a_device_listens_to_is_not_taken_for_its_own_words(fleet: str, device: str, kind: str) -> None:
    assert topics.parse_from_device(topics.DeviceTopics(fleet, device).of(kind)) is None


@given(NAMES, NAMES, DIGESTS, st.integers(0, 999_999))
def test_a_piece_is_recognised_by_its_number(fleet: str, device: str, digest: str, index: int) -> None:
    mine = topics.DeviceTopics(fleet, device)
    assert mine.chunk_index(mine.chunk(digest, index), digest) == index
    assert mine.chunk(digest, index).startswith(mine.chunks(digest).removesuffix("+"))


@given(DIGESTS)
def test_a_blob_topic_names_its_digest(digest: str) -> None:
    assert topics.blob_digest(topics.blob(digest)) == digest


FUZZED = st.text(max_size=60) | st.lists(
    st.sampled_from(["ef", "1", "2", "", "+", "#", "blob", "get", "m", "label", "receipt", "status", "a", "A", DIGEST])
    | st.text(max_size=5),
    max_size=9,
).map("/".join)


@given(FUZZED)
def test_any_topic_is_none_or_can_be_built_again(topic: str) -> None:
    found = topics.parse_from_device(topic)
    if found is not None:
        fleet, device, kind = found
        assert topics.DeviceTopics(fleet, device).of(kind) == topic
    digest = topics.blob_digest(topic)
    assert digest is None or topics.blob(digest) == topic
    mine = topics.DeviceTopics("a", "a")
    index = mine.chunk_index(topic, DIGEST)
    assert index is None or mine.chunk(DIGEST, index) == topic


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param("a" * 41, id="41 characters"),
        pytest.param("Pi", id="a capital letter"),
        pytest.param("a/b", id="a level separator"),
        pytest.param("+", id="a wildcard for one level"),
        pytest.param("#", id="a wildcard for all levels"),
        pytest.param("a b", id="a space"),
        pytest.param("a\n", id="a line break at the end"),
        pytest.param("-a", id="a hyphen in front"),
        pytest.param("a-", id="a hyphen at the end"),
        pytest.param("é", id="a letter outside ASCII"),
        pytest.param("blob", id="the level that holds blobs"),
        pytest.param("$sys", id="a broker's own level"),
    ],
)
def test_a_name_that_cannot_be_part_of_a_topic_is_refused(name: str) -> None:
    assert not topics.valid_name(name)
    with pytest.raises(Malformed):
        topics.DeviceTopics(name, "device")
    with pytest.raises(Malformed):
        topics.DeviceTopics("fleet", name)


@pytest.mark.parametrize("digest", ["", "AB" * 32, "ab" * 31, "+" * 64, DIGEST + "\n"])
def test_a_digest_that_is_none_makes_no_topic(digest: str) -> None:
    mine = topics.DeviceTopics("fleet", "device")
    for build in (topics.blob, mine.chunks, lambda sha256: mine.chunk(sha256, 0)):
        with pytest.raises(Malformed):
            build(digest)


def test_an_unknown_kind_makes_no_topic() -> None:
    with pytest.raises(Malformed):
        topics.DeviceTopics("fleet", "device").of("gossip")


def test_the_factory_hears_every_kind_of_every_device_of_its_fleet() -> None:
    assert topics.ingest("gym") == tuple(f"ef/{PROTOCOL_VERSION}/gym/+/{kind}" for kind in topics.FROM_DEVICE)


@given(NAMES, NAMES, DIGESTS)
def test_every_topic_fits_a_broker_that_allows_seven_slashes_and_256_bytes(fleet: str, device: str, sha: str) -> None:
    mine = topics.DeviceTopics(fleet, device)
    built = [mine.of(kind) for kind in topics.FROM_DEVICE + topics.TO_DEVICE]
    for topic in [*built, mine.chunk(sha, 999_999), topics.blob(sha)]:
        assert topic.count("/") <= 7
        assert len(topic.encode()) <= 256
