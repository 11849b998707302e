"""`GET /echo`: WebSocket echo for conformance suites; only under `--conformance`, which binds loopback only.

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
