"""HTTP and WebSocket by hand, for what no well-behaved client would send."""

import base64
import os
import socket
import ssl
import struct
import time

from checks import PATIENCE

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class RawSocket:
    """One connection to a node, by TLS where that is what it speaks; once it is upgraded, its frames are sent and read here too."""

    def __init__(self, node, receive_buffer=None):
        self.node = node
        self.sock = socket.socket(socket.AF_INET6 if ":" in node.host else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(10 * PATIENCE)
        host = node.host.strip("[]")
        self.sock.connect((host, node.port))
        if node.trust:
            self.sock = node.trust.wrap_socket(self.sock, server_hostname=host)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends bytes; False where the server has closed the connection already."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return False

    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing came in time; there came {self.buffer[:200]!r}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(1 << 16)
        except (TimeoutError, socket.timeout):
            raise AssertionError(f"nothing came in time; there came {self.buffer[:200]!r}") from None
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self.buffer += data

    def take(self, count, timeout=5):
        deadline = time.monotonic() + timeout * PATIENCE
        while len(self.buffer) < count:
            self._more(deadline)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_head(self, timeout=5):
        """Status and headers (names in lower case) of a response."""
        deadline = time.monotonic() + timeout * PATIENCE
        while b"\r\n\r\n" not in self.buffer:
            self._more(deadline)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        return int(first.split(" ")[1]), headers

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends the connection with a reset instead of a goodbye."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send_frame(self, opcode, payload=b"", fin=True, rsv=0, masked=True, length=None):
        """Sends one frame; `length` is what its header claims, where that differs from the truth."""
        if isinstance(payload, str):
            payload = payload.encode()
        length = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if masked else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 1 << 16:
            head += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", length)
        return self.send(head + (b"\0\0\0\0" if masked else b"") + payload)

    def read_frame(self, timeout=5):
        """One frame: its opcode and its payload; its reserved bits are in `reserved` then."""
        first, second = self.take(2, timeout)
        self.reserved = first >> 4 & 7
        assert second & 0x80 == 0, "a server must not mask"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2, timeout))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8, timeout))
        return first & 0x0F, self.take(length, timeout)

    def expect_close(self, timeout=5):
        """Reads until the server's close frame; returns its code and reason."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            opcode, payload = self.read_frame(max(0.001, deadline - time.monotonic()) / PATIENCE)
            if opcode == CLOSE:
                assert len(payload) >= 2, "the close frame names no code"
                return struct.unpack("!H", payload[:2])[0], payload[2:].decode()


def upgrade(node, path="/ws", method="GET", **changes):
    """Asks for a WebSocket; returns the socket, the status and the headers of the answer.

    Changes name headers with _ for -, a None leaves one out."""
    headers = {
        "Host": node.authority,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    raw = RawSocket(node)
    raw.send("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
    status, answer = raw.read_head()
    return raw, status, answer


def upgrade_status(node, path="/ws", **changes):
    """The status that answers the wish for a WebSocket."""
    raw, status, _ = upgrade(node, path, **changes)
    raw.close()
    return status


class RawWebSocket(RawSocket):
    """A WebSocket whose frames are made by hand: a connection after its handshake."""

    def __init__(self, node, path="/ws", subprotocol="roost.v1.json", receive_buffer=None, extensions=None):
        super().__init__(node, receive_buffer)
        key = base64.b64encode(os.urandom(16)).decode()
        offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
        offer += f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        self.send(
            f"GET {path} HTTP/1.1\r\nHost: {node.authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n".encode()
        )
        status, self.headers = self.read_head()
        assert status == 101, f"the handshake was answered with {status}"
