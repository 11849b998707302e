"""Bad requests below the dialects: heads, bodies, handshakes, and clients that say nothing (contract, sections 2
and 5).

After each, a connection that was there before works on as if nothing had happened."""

import socket

import pytest

from checks import assert_problem, eventually
from raw_socket import TEXT, RawSocket, upgrade, upgrade_status

pytestmark = pytest.mark.usefixtures("bystander")

GIB = 1 << 30


def test_clients_that_send_nothing(node, native):
    """a client that sends nothing"""
    silent = [RawSocket(node) for _ in range(50)]
    native(node).ping()
    for client in silent:
        client.close()


def test_half_a_request_head(node, native):
    """half a request head"""
    halves = [RawSocket(node) for _ in range(50)]
    for client in halves:
        client.send(b"GET /ws HTTP/1.1\r\nHost: roost\r\nUpgra")
    native(node).ping()
    for client in halves:
        client.reset()


def test_a_head_in_small_pieces_is_a_head(node):
    """A request head may come byte by byte."""
    with RawSocket(node) as client:
        for byte in f"GET /health HTTP/1.1\r\nHost: {node.authority}\r\nConnection: close\r\n\r\n".encode():
            client.send(bytes([byte]))
        assert client.read_head()[0] == 200


def test_a_head_over_the_limit(node):
    """`--max-head-bytes` 16384: 431"""
    with RawSocket(node) as client:
        client.send(f"GET /health HTTP/1.1\r\nHost: {node.authority}\r\nX-Long: {'x' * 20000}\r\n\r\n".encode())
        assert client.read_head()[0] == 431


def test_a_head_without_end(node):
    """`--max-head-bytes` 16384: 431, though the head never ends"""
    with RawSocket(node) as client:
        client.send(b"GET /health HTTP/1.1\r\n")
        for number in range(40):
            if not client.send(f"X-Header-{number}: {'x' * 1000}\r\n".encode()):
                break
        assert client.read_head()[0] == 431


def test_a_request_line_over_the_limit(node):
    """`--max-head-bytes` 16384: 431 (414 for the line itself)"""
    with RawSocket(node) as client:
        client.send(f"GET /{'x' * 20000} HTTP/1.1\r\nHost: {node.authority}\r\n\r\n".encode())
        assert client.read_head()[0] in (431, 414)


def test_a_body_over_the_limit(http):
    """`--max-body-bytes` 1048576: 413"""
    body = b'{"name":"' + b"x" * 1100000 + b'"}'
    response = http.post("/users", data=body, headers={"Content-Type": "application/json"})
    assert_problem(response, 413, "too_large")


def test_a_body_announced_over_the_limit(node):
    """`--max-body-bytes` 1048576: 413, told by the head alone"""
    with RawSocket(node) as client:
        client.send(f"POST /users HTTP/1.1\r\nHost: {node.authority}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {GIB}\r\n\r\n{{".encode())
        assert client.read_head()[0] == 413


def test_a_body_in_chunks_over_the_limit(node):
    """`--max-body-bytes` 1048576: 413, though no length was announced"""
    with RawSocket(node) as client:
        client.send(f"POST /users HTTP/1.1\r\nHost: {node.authority}\r\nContent-Type: application/json\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(20):
            if not client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
                break
        assert client.read_head()[0] == 413


@pytest.mark.parametrize("head", [
    b"\0\0\0\0\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET / HTTP/1.1\r\nHost roost\r\n\r\n",
])
def test_what_is_no_http(node, head):
    """4xx or 5xx, or closed"""
    with RawSocket(node) as client:
        client.send(head)
        client.sock.shutdown(socket.SHUT_WR)
        try:
            assert client.read_head()[0] >= 400
        except ConnectionResetError:
            pass


def test_only_unknown_subprotocols(node):
    """Only unknown ones: 400"""
    assert upgrade_status(node, Sec_WebSocket_Protocol="unknown.v1, roost.v9.json") == 400


def test_upgrade_of_an_unknown_path(node):
    """An unknown path is `not_found` 404."""
    assert upgrade_status(node, "/no-such-path") == 404


@pytest.mark.parametrize("version", ["12", "8", "99"])
def test_wrong_version(node, version):
    """426, and the version that is spoken"""
    socket_, status, headers = upgrade(node, Sec_WebSocket_Version=version)
    socket_.close()
    assert status == 426
    assert headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("changes", [{"Sec_WebSocket_Key": None}, {"Sec_WebSocket_Key": "short"}])
def test_a_handshake_without_a_key(node, changes):
    """400"""
    assert upgrade_status(node, **changes) == 400


def test_ws_without_upgrade(http):
    """`GET /ws` is a WebSocket: anything else is refused."""
    assert http.get("/ws").status_code in (400, 426)


def test_connections_are_given_back(start_node, raw):
    """Whatever ended a connection, it is not counted any longer."""
    own = start_node()
    connections = lambda: own.http.get("/health").json()["connections"]  # noqa: E731
    opened = [raw(own) for _ in range(10)]
    assert connections() == 10
    for client in opened[:5]:
        client.reset()
    for client in opened[5:]:
        client.send_frame(TEXT, b"\xff")
        client.expect_close()
        client.close()
    eventually(lambda: connections() == 0, what="all connections being given back")
