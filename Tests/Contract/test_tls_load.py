"""TLS under load and at its limits: slow readers, draining, rates, origins."""

import signal
import socket
import time

import pytest

from checks import PATIENCE, eventually
from raw_socket import CLOSE, RawWebSocket, upgrade_status
from roost_clients import NativeClient
from test_slow_clients import resident
from test_tls import complaints, connections, plainly, read_to_the_end
from test_wire import Reader

pytestmark = pytest.mark.alone

COUNT, SIZE = 700, 50_000  # 35 MB
IN_FLIGHT = 16
UNHURRIED = ["--rate-limit-messages", "0", "--heartbeat", "10m", "--heartbeat-timeout", "10m", "--recent-bytes", "4MiB"]


def publish_all(node, room, contents):
    author, waiting = NativeClient(node), []
    for content in contents:
        waiting.append(author.send("message", {"room": room, "content": content}))
        if len(waiting) == IN_FLIGHT:
            assert author.reply(waiting.pop(0), timeout=20)["type"] == "ack"
    for message_id in waiting:
        assert author.reply(message_id, timeout=20)["type"] == "ack"
    author.close()


@pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer's memory is not the server's")
def test_a_slow_reader_hears_everything(start_node, certificate, sqlite, room):
    """a subscriber that falls behind is fed from the log at its own pace: 35 MB, in order, in bounded memory"""
    node = start_node(*UNHURRIED, store=sqlite, tls=certificate)
    publish_all(node, f"{room}-warm", ["x" * SIZE] * COUNT)
    usual = resident(node)
    slow = Reader(node, room, receive_buffer=4096)
    publish_all(node, room, (f"{number}:{'x' * SIZE}" for number in range(COUNT)))
    assert resident(node) - usual < 8 << 20
    slow.hear([f"{number}:{'x' * SIZE}" for number in range(COUNT)], upto=COUNT)
    slow.socket.close()
    assert complaints(node) == []


def test_draining(start_node, native, certificate, room):
    """SIGTERM: every client is closed with 4001, whatever else hangs on the port, and the exit code is 0"""
    node = start_node(tls=certificate)
    clients, idle, silent = [native(node) for _ in range(5)], RawWebSocket(node), plainly(node)
    assert clients[0].publish(room, 1)["seq"] == 1
    start = time.monotonic()
    node.process.send_signal(signal.SIGTERM)
    assert [client.expect_close(timeout=25)[0] for client in clients] == [4001] * 5
    assert idle.expect_close()[0] == 4001
    assert node.wait() == 0
    assert time.monotonic() - start < 12 * PATIENCE
    assert complaints(node) == []
    idle.close()
    silent.close()


def test_the_drain_says_goodbye(start_node, certificate):
    """a connection that is drained ends as TLS ends"""
    node = start_node(tls=certificate)
    client = RawWebSocket(node)
    client.sock.suppress_ragged_eofs = False
    node.process.send_signal(signal.SIGTERM)
    assert client.expect_close(timeout=25)[0] == 4001
    client.send_frame(CLOSE, b"\x0f\xa1")
    assert client.sock.recv(100) == b""
    client.close()
    assert node.wait() == 0


def test_too_many_connections(start_node, certificate):
    """`--rate-limit-connects`: one too many is closed before its handshake, which is what costs"""
    node = start_node("--rate-limit-connects", "1", "--rate-limit-connects-burst", "2", tls=certificate)
    welcome = RawWebSocket(node)
    sockets, found = [plainly(node) for _ in range(6)], []
    for sock in sockets:
        sock.settimeout(2 * PATIENCE)
        try:
            found.append(read_to_the_end(sock))
        except TimeoutError:
            found.append("waits for its handshake")
        sock.close()
    assert found.count(b"") >= 4, found
    welcome.close()
    assert complaints(node) == []


@pytest.mark.parametrize("origin, status", [
    ("https://chat.example:8443", 101), ("http://chat.example:8443", 403), ("https://chat.example", 403),
    ("https://other.example:8443", 403),
])
def test_its_own_origin(start_node, certificate, origin, status):
    """default: same origin, which over TLS is one of https"""
    node = start_node("--allow-anonymous", tls=certificate)
    assert upgrade_status(node, Host="chat.example:8443", Origin=origin) == status


def test_resets_in_the_middle(start_node, certificate, native, room):
    """readers that vanish while much is on its way to them leave nothing behind"""
    node = start_node(*UNHURRIED, tls=certificate)
    stayer = native(node)
    stayer.join(room)
    readers = [Reader(node, room, receive_buffer=4096).socket for _ in range(8)]
    publish_all(node, room, [str(number) + "y" * SIZE for number in range(100)])
    for turn, reader in enumerate(readers):
        if turn % 2:
            reader.reset()
        else:
            reader.sock.shutdown(socket.SHUT_WR)
    eventually(lambda: connections(node) == 1, 10, "the end of those who left")
    assert [frame.payload["seq"] for frame in stayer.hear(room, 100)] == list(range(1, 101))
    for reader in readers:
        reader.close()
    assert complaints(node) == []
