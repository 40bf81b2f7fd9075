from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from kit.relay import frames
from kit.relay.frames import Outgoing

FRAME_MAX = 4_096
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
VALUES = st.text(max_size=50) | st.integers(-(2**63), 2**63 - 1)


@given(
    key=NAMES,
    content=st.binary(max_size=10_000),
    headers=st.dictionaries(NAMES, VALUES, max_size=8),
)
def test_a_published_message_reads_as_any_client_reads_it(
    key: str, content: bytes, headers: dict[str, str | int]
) -> None:
    sent = frames.publish(1, "orders.events", Outgoing("some-id", key, content, headers), "application/json", FRAME_MAX)
    received = []
    while sent:
        assert len(sent) <= FRAME_MAX or sent[6:7]
        size, channel, part = frame.unmarshal(sent)
        assert channel == 1
        assert size <= FRAME_MAX
        received.append(part)
        sent = sent[size:]
    method, properties, *parts = received
    assert isinstance(method, commands.Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory) == ("orders.events", key, True)
    assert isinstance(properties, header.ContentHeader)
    assert properties.body_size == len(content)
    assert properties.properties.message_id == "some-id"
    assert properties.properties.content_type == "application/json"
    assert properties.properties.delivery_mode == 2
    assert (properties.properties.headers or {}) == headers
    assert b"".join(part.value for part in parts if isinstance(part, body.ContentBody)) == content


@given(st.lists(st.sampled_from([b"", b"x", b"payload" * 40]), max_size=20), st.data())
def test_frames_come_out_whole_however_the_network_cuts_them(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frames.whole(frames.METHOD, 1, payload) for payload in payloads)
    buffer, found = bytearray(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer += stream[:size]
        stream = stream[size:]
        found += [payload for _, payload in frames.split(buffer)]
    assert found == payloads
    assert not buffer


@pytest.mark.parametrize("multiple", [False, True])
def test_a_confirmation_tells_its_tag_and_whether_it_stands_for_the_earlier_ones(multiple: bool) -> None:
    kind, payload = next(frames.split(bytearray(frame.marshal(commands.Basic.Ack(2**40, multiple), 1))))
    assert kind == frames.METHOD
    assert payload.startswith(frames.BASIC_ACK)
    assert frames.confirmation(payload) == (2**40, multiple)


def test_what_amqp_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="range"):
        frames.publish(1, "orders.events", Outgoing("id", "x" * 256, b"", {}), "application/json", FRAME_MAX)
