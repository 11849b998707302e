"""Bad WebSocket frames, below the dialects (contract, sections 3 and 5).

After each, a connection that was there before works on as if nothing had happened."""

import struct

import pytest

from checks import is_text
from raw_socket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

pytestmark = pytest.mark.usefixtures("bystander")

GIB = 1 << 30
PING_FRAME = '{"type":"ping","messageId":"p-1","payload":{}}'


def closes(socket_, *codes, timeout=5):
    code, reason = socket_.expect_close(timeout)
    assert code in codes, (code, reason)
    return reason


def works(socket_):
    """Whether a WebSocket made by hand still gets an answer."""
    socket_.send_frame(TEXT, PING_FRAME)
    while True:
        opcode, payload = socket_.read_frame()
        assert opcode != CLOSE, payload
        if opcode == TEXT and b'"pong"' in payload:
            return True


def test_a_frame_made_by_hand_works(raw):
    """(the tool itself) a well-made frame is answered"""
    assert works(raw())


def test_a_length_of_1_gib_closes_1009(raw):
    """`--max-message-bytes`: 1009, told by the header alone"""
    client = raw()
    client.send_frame(TEXT, b"x" * 100, length=GIB)
    assert is_text(closes(client, 1009))


def test_a_length_beyond_63_bits_closes(raw):
    """1002 or 1009: the first bit of a length must be 0"""
    client = raw()
    client.send_frame(TEXT, b"x" * 100, length=1 << 63)
    closes(client, 1002, 1009)


def test_many_announcements_of_1_gib(raw):
    """`--max-message-bytes`: nothing is set aside for what a header claims"""
    for client in [raw() for _ in range(30)]:
        client.send_frame(TEXT, b"x", length=GIB)
        closes(client, 1009)


@pytest.mark.parametrize("text", [
    b"\xff", b'{"type":"\xc3\x28"}', b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"ab\xe2\x82",
])
@pytest.mark.parametrize("subprotocol", ["roost.v1.json", None])
def test_bad_utf8_closes_1007(raw, text, subprotocol):
    """1007"""
    client = raw(subprotocol=subprotocol)
    client.send_frame(TEXT, text)
    closes(client, 1007)


def test_utf8_split_between_fragments_is_no_error(raw):
    """1007 is for the whole message: a character may lie in two fragments."""
    client = raw()
    text = '{"type":"ping","messageId":"é","payload":{}}'.encode()
    middle = text.index("é".encode()) + 1
    client.send_frame(TEXT, text[:middle], fin=False)
    client.send_frame(CONTINUATION, b"", fin=False)
    client.send_frame(PING, b"between")
    client.send_frame(CONTINUATION, text[middle:])
    answers = [client.read_frame() for _ in range(3)]
    assert (PONG, b"between") in answers
    assert any(opcode == TEXT and b'"pong"' in payload for opcode, payload in answers)


def test_bad_utf8_in_fragments_closes_1007(raw):
    """1007"""
    client = raw()
    client.send_frame(TEXT, b"ab\xe2\x82", fin=False)
    client.send_frame(CONTINUATION, b"\x28")
    closes(client, 1007)


@pytest.mark.parametrize("frame", [
    {"opcode": TEXT, "payload": PING_FRAME, "masked": False},
    {"opcode": PING, "payload": b"", "masked": False},
    {"opcode": TEXT, "payload": PING_FRAME, "rsv": 1},
    {"opcode": TEXT, "payload": PING_FRAME, "rsv": 2},
    {"opcode": TEXT, "payload": PING_FRAME, "rsv": 4},
    {"opcode": 3, "payload": b"x"},
    {"opcode": 7, "payload": b""},
    {"opcode": 11, "payload": b""},
    {"opcode": 15, "payload": b"x"},
    {"opcode": PING, "payload": b"x" * 126},
    {"opcode": PING, "payload": b"x", "fin": False},
    {"opcode": CONTINUATION, "payload": b"x"},
    {"opcode": CLOSE, "payload": b"\x03"},
    {"opcode": CLOSE, "payload": struct.pack("!H", 1005)},
    {"opcode": CLOSE, "payload": struct.pack("!H", 999)},
], ids=str)
def test_a_broken_frame_closes_1002(raw, frame):
    """1002: unmasked, reserved bits, unknown opcodes, control frames too long or in fragments, wrong close codes"""
    client = raw()
    client.send_frame(**frame)
    closes(client, 1002)


def test_a_message_between_the_fragments_of_another_closes_1002(raw):
    """1002"""
    client = raw()
    client.send_frame(TEXT, b"one", fin=False)
    client.send_frame(TEXT, b"two")
    closes(client, 1002)


def test_fragments_beyond_the_limit_close_1009(raw):
    """`--max-message-bytes` 65536: 1009, however small the pieces are"""
    client = raw()
    client.send_frame(TEXT, b'{"type":"', fin=False)
    for _ in range(80):
        if not client.send_frame(CONTINUATION, b"x" * 1024, fin=False):
            break
    closes(client, 1009)


def test_endless_empty_fragments(raw):
    """endless fragments: closed, or read on without harm"""
    client = raw()
    client.send_frame(TEXT, b"", fin=False)
    empty = bytes([CONTINUATION, 0x80]) + b"\0\0\0\0"
    for _ in range(200):
        if not client.send(empty * 1000):
            break


def test_a_binary_frame_closes_1003(raw):
    """a binary frame closes 1003"""
    client = raw()
    client.send_frame(BINARY, b"\0\1\2")
    assert is_text(closes(client, 1003))


def test_half_a_frame_and_a_reset(raw):
    """A connection that breaks in the middle of a frame is nobody else's trouble."""
    for _ in range(20):
        client = raw()
        client.send_frame(TEXT, b"half", length=1000)
        client.reset()


def test_many_pings_are_answered(raw):
    """WebSocket pings are answered with what they hold."""
    client = raw()
    client.send(b"".join(bytes([0x80 | PING, 0x84]) + b"\0\0\0\0" + b"%04d" % n for n in range(100)))
    answers = []
    while len(answers) < 100:
        opcode, payload = client.read_frame()
        if opcode == PONG:
            answers.append(payload)
    assert answers == [b"%04d" % n for n in range(100)]


def test_a_continuation_of_2_to_the_63_closes_1009(raw):
    """a 1 GiB length header, endless fragments … each a named error or close code: also where both come together"""
    client = raw()
    client.send_frame(TEXT, "a", fin=False)
    client.send_frame(CONTINUATION, length=(1 << 63) - 1)
    closes(client, 1009)
    assert works(raw())
