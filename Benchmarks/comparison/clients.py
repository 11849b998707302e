"""Clients of Roost by hand, for what has to be there before something is measured; what is measured is left to
`roost bench`."""

import contextlib
import http.client
import json
import os
import socket

from comparison.servers import Failure

# How long an answer may take, in seconds: making some hundred rooms on a slow disk.
PATIENCE = 60
# So many connections are made before their answers are read.
AT_ONCE = 50
HANDSHAKE = ("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Protocol: roost.v1.json\r\n\r\n")


class Client:
    """A WebSocket in the native dialect."""

    def __init__(self, server, user):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.heard = b""
        self.socket.sendall(HANDSHAKE.format(path=f"{server.kind.rooms}?user={user}", port=server.port).encode())

    def close(self):
        self.socket.close()

    def more(self):
        """Waits for what comes next and adds it to what has been heard."""
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise Failure(f"Roost did not answer a client within {PATIENCE} s") from None
        except OSError as error:
            raise Failure(f"Roost's connection to a client broke: {error}") from None
        if not data:
            raise Failure(f"Roost closed a client's connection, last saying {self.heard[-200:]!r}")
        self.heard += data

    def until(self, part, count=1):
        """Waits until this has been heard so many times since the last call; forgets what came before its end."""
        # All that counts is in frames as Roost writes them, so there is no need to take them apart.
        while (found := self.heard.count(part)) < count:
            if b'"type":"error"' in self.heard or self.heard.startswith(b"HTTP/1.1 4"):
                raise Failure(f"Roost refused a client: {self.heard[-300:]!r}")
            self.more()
        self.heard = self.heard[self.heard.rfind(part) + len(part):]
        return found

    def join(self, room):
        self.say("join", "j", {"room": room, "presence": False})

    def say(self, kind, number, payload):
        self.socket.sendall(frame({"type": kind, "messageId": number, "payload": payload}))


def frame(message):
    """A client's text frame; its mask of zeros changes nothing."""
    data = json.dumps(message, separators=(",", ":")).encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data


@contextlib.contextmanager
def company(server, connections, rooms_of):
    """So many connections that are there and hear nothing, until the block ends.

    - rooms_of: the rooms that a connection joins, by its number."""
    clients = []
    try:
        for first in range(0, connections, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, connections))
            clients += (Client(server, f"company-{number}") for number in numbers)
            for client, number in zip(clients[first:], numbers):
                rooms = rooms_of(number)
                for room in rooms:
                    client.join(room)
            for client, number in zip(clients[first:], numbers):
                rooms = len(rooms_of(number))
                client.until(b'"type":"joined"' if rooms else b'"type":"welcome"', rooms or 1)
        yield
    finally:
        for client in clients:
            client.close()


def fill(server, room, messages, size=64, under_way=2000):
    """Publishes so many messages to a room, each acked when this returns."""
    author = Client(server, "historian")
    content, sent, acked = "x" * (size - 2), 0, 0
    try:
        while acked < messages:
            if sent < messages and sent - acked <= under_way // 2:
                upto = min(messages, acked + under_way)
                author.socket.sendall(b"".join(
                    frame({"type": "message", "messageId": f"h{number}", "payload": {"room": room, "content": content}})
                    for number in range(sent, upto)))
                sent = upto
            wanted = min(under_way // 2, sent - acked)
            acked += author.until(b'"type":"ack"', wanted)
    finally:
        author.close()


def payload_bytes(server, room, size):
    """Bytes of the payload in which a reader of the room is sent a message of so many bytes of content."""
    reader = Client(server, "bench-0")
    try:
        reader.join(room)
        reader.until(b'"type":"joined"')
        reader.say("message", "m000000000001", {"room": room, "content": "x" * (size - 2)})
        while (at := reader.heard.find(b'{"type":"message"')) < 0:
            reader.more()
        # A header of two or of four bytes is before it; its last byte, or its last two, are the length.
        long = at >= 4 and reader.heard[at - 3] == 126
        return int.from_bytes(reader.heard[at - 2:at] if long else reader.heard[at - 1:at], "big")
    finally:
        reader.close()


def metric(server, name):
    """One figure of Roost's /metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError as error:
        raise Failure(f"Roost did not tell its metrics: {error}") from None
    finally:
        connection.close()
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise Failure(f"Roost has no metric {name}; it is older than this comparison")


def resident_bytes(server):
    """The server's resident memory (Linux)."""
    with open(f"/proc/{server.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
