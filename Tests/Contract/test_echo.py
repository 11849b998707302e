"""`GET /echo`: WebSocket echo for conformance suites, and `/echo/NAME`, where all who are there hear each message; only
under `--conformance`, which binds loopback only.

What RFC 6455 asks is proved by the Autobahn suite (Tests/Autobahn); here is what is around it."""

import os
import signal

import pytest

from raw_socket import BINARY, CONTINUATION, PING, PONG, TEXT, RawWebSocket, upgrade, upgrade_status
from roost_node import run


@pytest.fixture(scope="module")
def echo_node(tmp_path_factory):
    from roost_node import Node

    node = Node(tmp_path_factory.mktemp("echo-node"), "--conformance")
    yield node
    assert node.stop() == 0, f"the node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture
def echo(echo_node):
    client = RawWebSocket(echo_node, "/echo", subprotocol=None)
    yield client
    client.close()


def test_without_the_flag_there_is_none(node):
    """only under `--conformance`"""
    assert upgrade_status(node, "/echo") == 404
    assert node.http.get("/echo").status_code == 404
    assert upgrade_status(node, "/echo/all") == 404
    assert node.http.get("/echo/all").status_code == 404


def test_it_is_a_websocket(echo_node):
    """`GET /echo`: WebSocket"""
    assert echo_node.http.get("/echo").status_code == 426
    assert upgrade_status(echo_node, "/echo", Sec_WebSocket_Version="12") == 426
    assert upgrade_status(echo_node, "/echo", Sec_WebSocket_Key="short") == 400
    assert upgrade_status(echo_node, "/echo", Origin="https://elsewhere.example") == 403
    assert upgrade_status(echo_node, "/echo", Sec_WebSocket_Protocol="anything") == 101


def test_the_other_endpoints_are_as_ever(echo_node, native, room):
    """`GET /ws`"""
    client = native(echo_node)
    client.join(room)
    client.publish(room, "hello")
    assert client.hear(room).payload["content"] == "hello"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4096, 65535, 65536, 1 << 20, 16 << 20])
def test_what_goes_in_comes_out(echo, size):
    """WebSocket echo, text and binary"""
    data = os.urandom(size)
    echo.send_frame(BINARY, data)
    assert echo.read_frame(20) == (BINARY, data)
    text = ("häß" * (size // 5 + 1)).encode()[:size // 5 * 5]
    echo.send_frame(TEXT, text)
    assert echo.read_frame(20) == (TEXT, text)


def test_many_messages_in_one_read_keep_their_order(echo):
    """WebSocket echo"""
    frames = [(TEXT, f"message {number}".encode()) for number in range(2000)]
    frames[500:500] = [(PING, b"are you there?")]
    # All bytes before any answer is read.
    data = b"".join(bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload for opcode, payload in frames)
    echo.send(data)
    for opcode, payload in frames:
        assert echo.read_frame() == (PONG if opcode == PING else opcode, payload)


def test_there_is_no_rate_limit(start_node):
    """WebSocket echo for conformance suites: the limits of chat are not its own"""
    node = start_node("--conformance", "--rate-limit-messages", "1", "--rate-limit-burst", "1",
                      "--max-message-bytes", "1024")
    client = RawWebSocket(node, "/echo", subprotocol=None)
    for _ in range(100):
        client.send_frame(TEXT, "x" * 5000)
        assert client.read_frame() == (TEXT, b"x" * 5000)
    client.close()


def test_a_reader_that_sleeps_is_not_read_from(echo_node):
    """WebSocket echo: who doesn't take its answers is not asked for more, and gets them all in the end"""
    client = RawWebSocket(echo_node, "/echo", subprotocol=None, receive_buffer=1 << 14)
    payload = os.urandom(1 << 16)
    client.sock.setblocking(False)
    frame = bytes([0x80 | BINARY, 0x80 | 127]) + len(payload).to_bytes(8, "big") + bytes(4) + payload
    sent, rest = 0, b""
    try:
        # Until nothing more goes in: 64 MiB would fit nowhere but in the server's memory.
        while sent < 1024:
            rest = rest or frame
            rest = rest[client.sock.send(rest):]
            sent += not rest
    except BlockingIOError:
        pass
    assert sent < 1024, "the server takes whatever comes"
    for _ in range(sent):
        assert client.read_frame() == (BINARY, payload)
    client.close()


def test_under_the_base_path(start_node):
    """`--base-path /realtime` prefixes all"""
    node = start_node("--conformance", "--base-path", "/realtime")
    assert upgrade_status(node, "/realtime/echo") == 101
    assert upgrade_status(node, "/echo") == 404


def test_it_is_sent_away_in_a_drain(start_node):
    """SIGTERM: close 4001, exit 0"""
    node = start_node("--conformance")
    client = RawWebSocket(node, "/echo", subprotocol=None)
    client.send_frame(TEXT, "half", fin=False)
    node.process.send_signal(signal.SIGTERM)
    assert client.expect_close()[0] == 4001
    client.close()
    assert node.wait() == 0


@pytest.mark.parametrize("more", [[], ["--allow-anonymous"], ["--auth", "jwt", "--jwt-secret", "s" * 32]])
def test_it_binds_loopback_only(more):
    """`--conformance`, which binds loopback only"""
    result = run("serve", "--port", "0", "--store", "memory:", "--host", "0.0.0.0", "--conformance", *more)
    assert result.returncode == 78
    assert result.stderr.count("\n") == 1 and "loopback" in result.stderr and "--conformance" in result.stderr


def test_bad_text_is_told_before_its_frame_is_there(echo, raw):
    """1007: as soon as the wrong byte has come, for the chat as for the echo"""
    for client in (echo, raw()):
        client.send_frame(TEXT, b"a good beginning", fin=False)
        client.send_frame(CONTINUATION, "κόσμε".encode() + b"\xf4\x90", length=1000)
        assert client.expect_close()[0] == 1007


def test_an_offer_of_a_token_is_not_echoed(echo_node):
    """`roost.token.<jwt>` is never echoed"""
    client, status, headers = upgrade(echo_node, "/echo", Sec_WebSocket_Protocol="roost.token.abc")
    client.close()
    assert status == 101
    assert "sec-websocket-protocol" not in headers


# /echo/NAME


@pytest.fixture(scope="module")
def crowd_node(tmp_path_factory):
    """Those who hear each other are on one event loop; here there is only one."""
    from roost_node import Node

    node = Node(tmp_path_factory.mktemp("crowd-node"), "--conformance", "--loops", "1")
    yield node
    assert node.stop() == 0, f"the node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture
def crowd(crowd_node, room):
    """Opens connections, at a path of the test's own unless another is named."""
    clients = []

    def join(path=f"/echo/{room}", node=crowd_node, **options):
        clients.append(RawWebSocket(node, path, subprotocol=None, **options))
        return clients[-1]

    yield join
    for client in clients:
        client.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1 << 20])
def test_all_at_a_name_hear_each_message(crowd, size):
    """`/echo/NAME`: all who are there hear each message, its author too, as it is"""
    clients = [crowd() for _ in range(5)]
    for author in clients:
        for opcode, payload in ((TEXT, b"x" * size), (BINARY, os.urandom(size))):
            author.send_frame(opcode, payload)
            for reader in clients:
                assert reader.read_frame(20) == (opcode, payload)


def test_nobody_elsewhere_hears_it(crowd, room):
    """`/echo/NAME`: all who are there"""
    here, elsewhere, alone = crowd(), crowd(f"/echo/{room}-2"), crowd("/echo")
    here.send_frame(TEXT, "here")
    assert here.read_frame() == (TEXT, b"here")
    for client in (elsewhere, alone):
        client.send_frame(TEXT, "mine")
        assert client.read_frame() == (TEXT, b"mine")
    here.send_frame(TEXT, "again")
    assert here.read_frame() == (TEXT, b"again")


def test_a_crowd_hears_one_order(crowd):
    """`/echo/NAME`: hears each message, in one order; many in one read, some of them in pieces"""
    author, other, reader = crowd(), crowd(), crowd()
    for number in range(500):
        author.send_frame(TEXT, f"first {number}")
        other.send_frame(TEXT, "other ", fin=False)
        other.send_frame(CONTINUATION, str(number))
    heard = [[client.read_frame() for _ in range(1000)] for client in (author, other, reader)]
    assert heard[0] == heard[1] == heard[2]
    for kind in ("first", "other"):
        wanted = [(TEXT, f"{kind} {number}".encode()) for number in range(500)]
        assert [frame for frame in heard[0] if frame[1].startswith(kind.encode())] == wanted


def test_control_frames_are_nobody_elses(crowd):
    """`/echo/NAME`: messages only; a ping is answered to whom it is from, and so is what is wrong"""
    author, reader = crowd(), crowd()
    author.send_frame(PING, "are you there?")
    assert author.read_frame() == (PONG, b"are you there?")
    author.send_frame(TEXT, b"\xff")
    assert author.expect_close()[0] == 1007
    other = crowd()
    other.send_frame(TEXT, "next")
    assert reader.read_frame() == (TEXT, b"next")


def test_what_precedes_a_close_is_heard(crowd):
    """`/echo/NAME`: each message, also the last one of an author who goes"""
    author, reader = crowd(), crowd()
    author.send(b"\x81\x84\0\0\0\0last" + b"\x88\x82\0\0\0\0\x03\xe8")
    assert reader.read_frame() == (TEXT, b"last")
    assert author.expect_close()[0] == 1000


def test_who_is_gone_is_not_missed(crowd):
    """`/echo/NAME`: all who are there"""
    author, first, second = crowd(), crowd(), crowd()
    first.reset()
    for number in range(100):
        author.send_frame(TEXT, f"{number}")
        for client in (author, second):
            assert client.read_frame() == (TEXT, f"{number}".encode())


def test_who_does_not_listen_is_sent_away(crowd, start_node):
    """`/echo/NAME`: who has more than `--max-unsent-bytes` waiting is closed with 4002; the others hear everything"""
    node = start_node("--conformance", "--loops", "1", "--max-unsent-bytes", "65536")
    author, sleeper = crowd(node=node), crowd(node=node, receive_buffer=1 << 14)
    payload = os.urandom(1 << 15)
    # Together more than the kernel takes for one socket.
    for _ in range(400):
        author.send_frame(BINARY, payload)
        assert author.read_frame(20) == (BINARY, payload)
    assert sleeper.expect_close(20)[0] == 4002
    author.send_frame(TEXT, "still here")
    assert author.read_frame() == (TEXT, b"still here")


def test_a_crowd_is_no_place_for_compression(crowd):
    """`/echo/NAME`: one frame for all, so nothing is compressed for one"""
    client = crowd(extensions="permessage-deflate")
    assert "sec-websocket-extensions" not in client.headers
    client.send_frame(TEXT, "x" * 1000)
    assert client.read_frame() == (TEXT, b"x" * 1000)


def test_where_crowds_are(crowd_node, start_node):
    """`/echo/NAME`: a WebSocket; `--base-path /realtime` prefixes all"""
    assert crowd_node.http.get("/echo/all").status_code == 426
    assert upgrade_status(crowd_node, "/echo/all", Origin="https://elsewhere.example") == 403
    for path in ("/echo/", "/echoes", "/echo2/all"):
        assert upgrade_status(crowd_node, path) == 404
    node = start_node("--conformance", "--base-path", "/realtime")
    assert upgrade_status(node, "/realtime/echo/all") == 101
    assert upgrade_status(node, "/echo/all") == 404


def test_a_crowd_is_sent_away_in_a_drain(crowd, start_node):
    """SIGTERM: close 4001, exit 0"""
    node = start_node("--conformance")
    clients = [crowd(node=node) for _ in range(3)]
    node.process.send_signal(signal.SIGTERM)
    for client in clients:
        assert client.expect_close()[0] == 4001
        client.close()
    assert node.wait() == 0
