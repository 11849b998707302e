"""TLS: HTTPS and WSS on one port, and what clients do to it."""

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest

import certificates
from certificates import trust
from checks import PATIENCE, eventually
from raw_socket import CLOSE, TEXT, RawSocket, RawWebSocket
from tokens import SECRET, bearer, mint

# How long a client may take for its handshake and its first request, in seconds.
FIRST_BYTES = 10
PAGE = {"Accept": "text/html"}


def plainly(node):
    """A TCP connection without a handshake."""
    sock = socket.create_connection(("127.0.0.1", node.port), timeout=20 * PATIENCE)
    return sock


def read_to_the_end(sock):
    """What comes until the server closes or resets the connection."""
    found = b""
    try:
        while data := sock.recv(1 << 16):
            found += data
    except ConnectionResetError:
        pass
    return found


def complaints(node):
    """The lines of the log that somebody would have to look at."""
    return [line for line in node.stderr().splitlines() if re.search(r" (warning|error|critical) ", line)]


def connections(node):
    return node.http.get("/health").json()["connections"]


@pytest.fixture(params=["ec", "rsa", "chain"])
def any_pair(request, tmp_path):
    if request.param == "chain":
        return certificates.make_chain(tmp_path / "chain")
    return certificates.make(tmp_path / "pair", "roost", request.param)


def test_everything_over_tls(start_node, native, simple, room, any_pair):
    """`--tls-cert`, `--tls-key`: HTTPS and WSS on the same port, with the chain that the file holds"""
    node = start_node(tls=any_pair)
    assert node.url.startswith("https://")
    author, reader, plain = native(node), native(node), simple(node)
    reader.join(room)
    plain.join(room)
    assert author.publish(room, "over WSS")["seq"] == 1
    assert reader.hear(room).payload["content"] == "over WSS"
    response = node.http.post(f"/rooms/{room}/messages", json={"content": "over HTTPS"})
    assert (response.status_code, response.json()["seq"]) == (201, 2)
    assert [m["content"] for m in node.http.get(f"/rooms/{room}/messages").json()] == ["over WSS", "over HTTPS"]
    assert reader.hear(room).payload["content"] == plain.hear("over HTTPS")["content"] == "over HTTPS"
    assert "<html" in node.http.get("/", headers=PAGE).text
    assert complaints(node) == []


def test_signing_in(start_node, native, certificate):
    """a token in a header or in a frame, while which nothing more is read"""
    node = start_node("--auth", "jwt", "--jwt-secret", SECRET, tls=certificate)
    token = mint("alice")
    by_header = RawWebSocket(node, path=f"/ws?token={token}")
    by_header.send_frame(TEXT, '{"type":"ping","messageId":"p","payload":{}}')
    assert [json.loads(by_header.read_frame()[1])["type"] for _ in range(2)] == ["welcome", "pong"]
    by_header.close()
    assert native(node, headers=bearer(token)).user == "alice"
    by_frame = RawWebSocket(node)
    by_frame.send_frame(TEXT, json.dumps({"type": "auth", "messageId": "a", "payload": {"token": token}}))
    assert json.loads(by_frame.read_frame()[1])["type"] == "welcome"
    by_frame.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(tls_node, certificate, version):
    """TLS 1.2 and 1.3; of the protocols a client offers, HTTP/1.1"""
    client = trust(certificate)
    client.minimum_version = client.maximum_version = version
    client.set_alpn_protocols(["h2", "http/1.1"])
    with client.wrap_socket(plainly(tls_node), server_hostname="localhost") as sock:
        assert sock.version() == version.name.replace("_", ".")
        assert sock.selected_alpn_protocol() == "http/1.1"
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_to_the_end(sock).startswith(b"HTTP/1.1 200")


def test_clients_that_offer_nothing_we_speak(tls_node, certificate):
    """Who offers h2 only gets no protocol named, and HTTP/1.1."""
    client = trust(certificate)
    client.set_alpn_protocols(["h2"])
    with client.wrap_socket(plainly(tls_node), server_hostname="localhost") as sock:
        assert sock.selected_alpn_protocol() is None


def negotiated(node, pair, version, ciphers):
    """The cipher that a client is given which knows only one version, and these."""
    client = trust(pair)
    client.minimum_version = client.maximum_version = version
    client.set_ciphers(ciphers)
    with client.wrap_socket(plainly(node), server_hostname="localhost") as sock:
        return sock.cipher()[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(tls_node, certificate, version):
    """TLS 1.1 and older are refused"""
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        negotiated(tls_node, certificate, version, "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("kind, good, bad", [
    ("ec", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"),
    ("rsa", "ECDHE-RSA-CHACHA20-POLY1305", "AES128-GCM-SHA256"),
])
def test_weak_ciphers_are_refused(start_node, tmp_path, kind, good, bad):
    """With TLS 1.2 too, forward secrecy and authenticated encryption"""
    pair = certificates.make(tmp_path, kind, kind)
    node = start_node(tls=pair)
    assert negotiated(node, pair, ssl.TLSVersion.TLSv1_2, f"{bad}:{good}") == good
    with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
        negotiated(node, pair, ssl.TLSVersion.TLSv1_2, bad)


def test_many_frames_few_records(tls_node, certificate):
    """what goes to one client in one tick is encrypted together"""
    count = 2000
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = trust(certificate).wrap_bio(incoming, outgoing, server_hostname="localhost")
    sock, records, heard, stream = plainly(tls_node), 0, b"", b""

    def exchange(step):
        """Does one step of TLS, with as much of the network as it needs; counts the records that come."""
        nonlocal records, stream
        while True:
            try:
                result = step()
                sock.sendall(outgoing.read())
                return result
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                data = sock.recv(1 << 16)
                assert data, "the server closed the connection"
                incoming.write(data)
                stream += data
                while len(stream) >= 5 and len(stream) >= (whole := 5 + struct.unpack("!H", stream[3:5])[0]):
                    records, stream = records + 1, stream[whole:]

    exchange(session.do_handshake)
    exchange(lambda: session.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: roost.v1.json\r\n\r\n"))
    while b'"welcome"' not in heard:
        heard += exchange(lambda: session.read(1 << 16))
    records, heard = 0, b""
    ping = b'{"type":"ping","messageId":"p","payload":{}}'
    exchange(lambda: session.write((bytes([0x81, 0x80 | len(ping), 0, 0, 0, 0]) + ping) * count))
    while heard.count(b'"pong"') < count:
        heard += exchange(lambda: session.read(1 << 16))
    assert len(heard) / 16384 <= records < count / 10, f"{records} records for {len(heard)} bytes"
    sock.close()


def test_plain_http_is_told(tls_node):
    """a plain client on the TLS port is answered 400, with what to use instead"""
    sock = plainly(tls_node)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _, body = read_to_the_end(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert "https://" in json.loads(body)["detail"]
    sock.close()


@pytest.mark.parametrize("garbage", [
    b"\0" * 64, b"\x16\x03\x01\xff\xff" + b"\xaa" * 2000, b"\x16" + os.urandom(4096), b"\x80\x2e", b"\n",
], ids=["zeros", "long record", "noise", "old hello", "newline"])
def test_garbage(tls_node, native, room, garbage):
    """what is no handshake is closed, and nobody else notices, nor the log"""
    sock, start = plainly(tls_node), time.monotonic()
    sock.sendall(garbage)
    if len(garbage) < 5:
        sock.shutdown(socket.SHUT_WR)
    read_to_the_end(sock)
    sock.close()
    assert time.monotonic() - start < FIRST_BYTES / 2 * PATIENCE
    assert native(tls_node).publish(room, 1)["seq"] == 1
    assert complaints(tls_node) == []


def test_garbage_after_the_handshake(tls_node, native, room):
    """a record that can't be decrypted ends its connection"""
    victim = RawWebSocket(tls_node)
    before = connections(tls_node)
    # Past the client's own encryption, straight to the socket.
    sock = socket.socket(fileno=os.dup(victim.sock.fileno()))
    sock.sendall(b"\x17\x03\x03\x00\x40" + b"\x55" * 64)
    eventually(lambda: connections(tls_node) < before, what="the connection's end")
    sock.close()
    victim.close()
    assert native(tls_node).publish(room, 1)["seq"] == 1
    assert complaints(tls_node) == []


def test_who_stalls_is_closed(tls_node, certificate):
    """The handshake and the first request must come within 10 s: whoever says nothing, half of a hello, or nothing
    behind the handshake"""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        trust(certificate).wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    hello, start = outgoing.read(), time.monotonic()
    silent, half, halfway = (plainly(tls_node) for _ in range(3))
    half.sendall(hello[:100])
    halfway.sendall(hello)
    done = trust(certificate).wrap_socket(plainly(tls_node), server_hostname="localhost")
    for sock in (silent, half, halfway, done):
        sock.settimeout(2 * FIRST_BYTES * PATIENCE)
        read_to_the_end(sock)
        assert FIRST_BYTES - 0.5 < time.monotonic() - start < (FIRST_BYTES + 3) * PATIENCE
        sock.close()
    assert complaints(tls_node) == []


def test_renegotiation_is_refused(tls_node, certificate):
    """who wants to negotiate again is closed"""
    client = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{tls_node.port}", "-CAfile", certificate.root],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        client.stdin.write(b"R\n")
        client.stdin.flush()
        client.stdin.close()
        assert b"RENEGOTIATING" in client.stdout.read()
        assert client.wait(5 * PATIENCE) != 0
    finally:
        client.kill()
        client.wait()
    assert tls_node.http.get("/health").status_code == 200


@pytest.mark.parametrize("way", ["notify", "fin", "reset"])
def test_ways_of_leaving(tls_node, native, room, way):
    """who leaves is gone, in whatever way, and nothing is logged of it"""
    other = native(tls_node)
    before = connections(tls_node)
    leaver = RawWebSocket(tls_node)
    leaver.read_frame()
    assert connections(tls_node) == before + 1
    if way == "notify":
        # Waits for the server's own goodbye; what it had sent before is thrown away.
        try:
            leaver.sock.unwrap().close()
        except ssl.SSLError as early:
            assert "APPLICATION_DATA_AFTER_CLOSE_NOTIFY" in str(early)
    elif way == "fin":
        leaver.sock.shutdown(socket.SHUT_WR)
    else:
        leaver.reset()
    eventually(lambda: connections(tls_node) == before, what="its end")
    leaver.close()
    other.ping()
    assert complaints(tls_node) == []


def test_the_server_says_goodbye(tls_node):
    """a close of ours is one of TLS too, so that nobody can cut an answer short unnoticed"""
    client = RawWebSocket(tls_node)
    client.sock.suppress_ragged_eofs = False
    client.send_frame(CLOSE, struct.pack("!H", 1000))
    assert client.expect_close()[0] == 1000
    # Would raise SSLEOFError where the connection just ends.
    assert client.sock.recv(100) == b""
    client.close()
    with RawSocket(tls_node) as http:
        http.sock.suppress_ragged_eofs = False
        http.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_to_the_end(http.sock).startswith(b"HTTP/1.1 200")
