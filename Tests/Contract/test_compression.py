"""`--compression`: permessage-deflate (RFC 7692) for clients that offer it. What the RFC asks is proved by the Autobahn
suite (Tests/Autobahn, cases 12 and 13); here is what it is for."""

import json
import os
import zlib

import pytest

from checks import position
from raw_socket import CLOSE, CONTINUATION, PING, TEXT, RawWebSocket, upgrade
from roost_clients import Client
from roost_node import Node
from tokens import SECRET, mint

OFFER = "permessage-deflate; client_max_window_bits"
ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
COMPRESSED = 4  # RSV1, as `RawSocket` has it

LONG = "What is said at some length, and what is said again, is said in fewer bytes. " * 8


@pytest.fixture(scope="module")
def deflating(tmp_path_factory):
    """A node with --compression and one event loop, so that once per loop is once."""
    node = Node(tmp_path_factory.mktemp("deflating"), "--compression", "--loops", "1")
    yield node
    assert node.stop() == 0, f"the node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture
def open_raw(deflating, name):
    """A compressed connection whose frames are made by hand; its `welcome` has been read."""
    opened = []

    def connect(node=None, path="/ws", **options):
        client = RawWebSocket(node or deflating, f"{path}?user={name('raw')}", extensions=OFFER, **options)
        opened.append(client)
        assert json.loads(client.read_frame()[1])["type"] == "welcome"
        return client

    yield connect
    for client in opened:
        client.close()


def deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflate(data):
    return zlib.decompressobj(wbits=-15).decompress(data + b"\0\0\xff\xff")


def frame(kind, payload, message_id="m"):
    return json.dumps({"type": kind, "messageId": message_id, "payload": payload}).encode()


def counters(node):
    """What the node has compressed: messages, bytes before, bytes after."""
    lines = dict(line.rsplit(" ", 1) for line in node.http.get("/metrics").text.splitlines() if line[0] != "#")
    names = ("roost_messages_deflated_total", 'roost_deflated_bytes_total{state="before"}',
             'roost_deflated_bytes_total{state="after"}')
    return [int(lines[name]) for name in names]


def answer_to(node, offer):
    client, status, headers = upgrade(
        node, Sec_WebSocket_Extensions=offer, Sec_WebSocket_Protocol="roost.v1.json")
    client.close()
    assert status == 101
    return headers.get("sec-websocket-extensions")


def test_it_is_off(node):
    """`--compression` (false)"""
    assert answer_to(node, OFFER) is None
    client = RawWebSocket(node, extensions=OFFER)
    client.send_frame(TEXT, deflate(frame("ping", {})), rsv=COMPRESSED)
    assert client.expect_close()[0] == 1002
    client.close()


@pytest.mark.parametrize("offer, answer", [
    ("permessage-deflate", ANSWER), (OFFER, ANSWER), (None, None), ("x-other", None),
    ("permessage-deflate; server_no_context_takeover; client_max_window_bits=10", ANSWER),
    ("permessage-deflate; server_max_window_bits=15", ANSWER + "; server_max_window_bits=15"),
    # One window for all: who can't inflate so far back is not compressed for, unless it offers something else too.
    ("permessage-deflate; server_max_window_bits=10", None),
    ("permessage-deflate; server_max_window_bits=10, permessage-deflate", ANSWER),
    ("permessage-deflate; unheard_of", None), ("permessage-deflate; unheard_of, permessage-deflate", ANSWER),
])
def test_what_is_agreed_on(deflating, offer, answer):
    """Every message is compressed by itself, both ways"""
    assert answer_to(deflating, offer) == answer


def test_a_room_of_both_kinds(deflating, native, simple, room):
    """Everybody in a room hears the same, compressed or not, in either dialect"""
    members = [native(deflating), native(deflating, compression="deflate"),
               native(deflating, compression="deflate")]
    for member in members:
        member.join(room)
    others = [simple(deflating), simple(deflating, compression="deflate")]
    for other in others:
        other.join(room)
    contents = ["short", LONG, {"nested": [LONG, {"é": "日本 \U0001f600"}]}, "", os.urandom(3000).hex(), "x" * 60_000]
    for author in members:
        for content in contents:
            author.publish(room, content)
            assert [member.hear(room).payload["content"] for member in members] == [content] * 3
    members[1].publish(room, LONG + "!")
    for other in others:
        other.hear(LONG + "!")


def test_a_broadcast_is_compressed_once(deflating, native, room):
    """Compressed once for all readers of an event loop"""
    for _ in range(6):
        native(deflating, compression="deflate").join(room, presence=False)
    for _ in range(2):
        native(deflating).join(room, presence=False)
    author = native(deflating, compression="deflate")
    before = counters(deflating)
    for count in range(1, 11):
        author.publish(room, LONG)
        messages, bytes_before, bytes_after = (now - then for now, then in zip(counters(deflating), before))
        assert messages == count
        assert bytes_before > count * len(LONG) and bytes_after < bytes_before / 2
    # What is short stays as it is.
    author.publish(room, "")
    assert counters(deflating)[0] - before[0] in (10, 11)


def test_nothing_is_compressed_where_nobody_wants_it(deflating, native, room):
    """Compressed only for those who have agreed to it"""
    members = [native(deflating), native(deflating)]
    for member in members:
        member.join(room)
    before = counters(deflating)
    members[0].publish(room, LONG)
    members[1].hear(room)
    assert counters(deflating) == before


def test_on_the_wire(deflating, open_raw, native, room):
    """RSV1 says that a message is compressed; short ones are not, each is by itself"""
    client = open_raw()
    client.send_frame(TEXT, frame("join", {"room": room, "presence": False}))
    assert json.loads(client.read_frame()[1])["type"] == "joined"
    author = native(deflating)
    payloads = []
    for _ in range(2):
        author.publish(room, LONG)
        opcode, payload = client.read_frame()
        assert (opcode, client.reserved) == (TEXT, COMPRESSED)
        assert json.loads(inflate(payload))["payload"]["content"] == LONG
        payloads.append(len(payload))
    assert abs(payloads[0] - payloads[1]) < 20, "the second refers to the first"
    client.send_frame(TEXT, frame("ping", {}))
    assert json.loads(client.read_frame()[1])["type"] == "pong"
    assert client.reserved == 0


def test_what_was_missed_comes_compressed(deflating, native, room):
    """A client that comes back is told what it has missed: exactly, whatever is compressed"""
    author = native(deflating)
    joined = author.join(room)
    for number in range(300):
        author.publish(room, f"{number} {LONG}")
    before = counters(deflating)
    readers = [native(deflating, compression="deflate") for _ in range(4)]
    asked = [reader.send("join", {"room": room, "after": position(joined["epoch"], 7 * index)})
             for index, reader in enumerate(readers)]
    for index, (reader, message_id) in enumerate(zip(readers, asked)):
        reader.reply(message_id)
        heard = [message.payload["seq"] for message in reader.hear(room, 300 - 7 * index)]
        assert heard == list(range(7 * index + 1, 301))
    assert counters(deflating)[0] > before[0]


@pytest.mark.parametrize("cuts", [[], [1], [3, 3, 40]])
def test_compressed_messages_are_taken(deflating, open_raw, native, room, cuts):
    """What a client compresses is read, in one frame or in several"""
    listener = native(deflating)
    listener.join(room)
    client = open_raw()
    data = deflate(frame("message", {"room": room, "content": LONG}))
    ends = cuts + [len(data)]
    for number, (start, end) in enumerate(zip([0] + cuts, ends)):
        client.send_frame(CONTINUATION if number else TEXT, data[start:end], fin=end == len(data),
                          rsv=0 if number else COMPRESSED)
        if number == 0 and cuts:
            client.send_frame(PING, b"in between")
    assert listener.hear(room).payload["content"] == LONG


@pytest.mark.parametrize("data, code", [
    (deflate(b"x" * (50 << 20)), 1009), (deflate(b"x" * 65_537), 1009), (b"\xff\xff\xff", 1007),
    (deflate(b"{" + os.urandom(100).hex().encode())[:-9], 1007), (deflate(b"\xff"), 1007),
], ids=["bomb", "a byte too much", "rubbish", "cut off", "no text"])
def test_what_does_not_inflate_to_a_message(deflating, open_raw, bystander_there, data, code):
    """1009 as soon as a message is larger than `--max-message-bytes`, 1007 where it is none"""
    client = open_raw()
    client.send_frame(TEXT, data, rsv=COMPRESSED)
    assert client.expect_close()[0] == code
    bystander_there()


@pytest.fixture
def bystander_there(deflating, native, room):
    """Somebody whose messages go through the same compressor, and must not notice anything."""
    bystander = native(deflating, compression="deflate")
    bystander.join(room)

    def check():
        bystander.publish(room, LONG)
        assert bystander.hear(room).payload["content"] == LONG

    check()
    return check


@pytest.mark.parametrize("frames", [
    [(TEXT, b"{}", True, 2)], [(TEXT, b"{}", True, 1)], [(PING, b"", True, COMPRESSED)],
    [(CLOSE, b"", True, COMPRESSED)],
    [(TEXT, deflate(b"{}")[:2], False, COMPRESSED), (CONTINUATION, deflate(b"{}")[2:], True, COMPRESSED)],
    [(TEXT, b"{", False, 0), (CONTINUATION, b"}", True, COMPRESSED)],
], ids=["RSV2", "RSV3", "ping", "close", "both frames", "the second frame"])
def test_the_bit_stands_on_the_first_frame_of_a_message_only(open_raw, frames):
    """1002 elsewhere"""
    client = open_raw()
    for opcode, payload, fin, rsv in frames:
        client.send_frame(opcode, payload, fin=fin, rsv=rsv)
    assert client.expect_close()[0] == 1002


def test_signing_in_compressed(start_node):
    """`auth` within 10 s where the handshake carried none: compressed like any other message"""
    node = start_node("--compression", "--auth", "jwt", "--jwt-secret", SECRET)
    client = Client(node, subprotocols=["roost.v1.json"], compression="deflate")
    client.send_text(frame("auth", {"token": mint("alice")}).decode())
    assert client.expect("welcome").payload["user"] == "alice"
    client.close()
