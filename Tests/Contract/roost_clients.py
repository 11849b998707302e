"""Clients of the native and of the simple dialect, as tests use them."""

import json
import time
import uuid
from datetime import datetime, timezone
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from checks import PATIENCE

NATIVE = "roost.v1.json"
SIMPLE = "roost.simple"


class Frame(dict):
    """A frame as an object, with the text it came as."""

    def __init__(self, raw):
        super().__init__(json.loads(raw))
        self.raw = raw

    @property
    def payload(self):
        return self["payload"]


class Client:
    """A WebSocket connection to /ws that reads frames when a test asks for them."""

    subprotocols = None

    def __init__(self, node, path="/ws", subprotocols=None, origin=None, headers=None, compression=None, **query):
        if query:
            path += "?" + urlencode(query)
        self.node = node
        self.backlog = []  # frames read, which no test has asked for yet
        self.log = []  # every frame, in the order of arrival
        self.closed = None
        self.ws = connect(
            node.socket_url + path, ssl=node.trust, subprotocols=subprotocols or self.subprotocols, origin=origin,
            additional_headers=headers, compression=compression, proxy=None, open_timeout=10 * PATIENCE,
            ping_interval=None, close_timeout=2, max_size=None, max_queue=None, legacy=True,
        )

    def send_text(self, text):
        self.ws.send(text)

    def read(self, timeout=5):
        """The next frame from the wire, whatever it is."""
        raw = self.ws.recv(timeout=timeout * PATIENCE)
        assert isinstance(raw, str), f"a binary frame came: {raw[:80]!r}"
        frame = Frame(raw)
        self.log.append(frame)
        return frame

    def expect(self, kind, timeout=5, where=None):
        """The first frame of a type, or of one of several, read or still to come; others are kept for later."""
        kinds = (kind,) if isinstance(kind, str) else kind
        return self.expect_frame(lambda f: f.get("type") in kinds and (where is None or where(f)), timeout, kind)

    def expect_frame(self, wanted, timeout=5, what="frame"):
        for index, frame in enumerate(self.backlog):
            if wanted(frame):
                return self.backlog.pop(index)
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                frame = self.read(max(0.001, deadline - time.monotonic()) / PATIENCE)
            except TimeoutError:
                raise AssertionError(f"no {what} within {timeout} s; there came {self.log[-5:]}") from None
            except ConnectionClosed as closed:
                raise AssertionError(f"closed before {what}: {closed}; there came {self.log[-5:]}") from None
            if wanted(frame):
                return frame
            self.backlog.append(frame)

    def expect_close(self, timeout=5):
        """Reads until the connection closes; returns the close code and the reason."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                self.backlog.append(self.read(max(0.001, deadline - time.monotonic()) / PATIENCE))
            except TimeoutError:
                raise AssertionError(f"not closed within {timeout} s; there came {self.log[-5:]}") from None
            except ConnectionClosed as closed:
                assert closed.rcvd is not None, f"closed without a close frame: {closed}"
                return closed.rcvd.code, closed.rcvd.reason

    def waiting(self, kind):
        """The frames of a type that have been read and that no test has asked for."""
        return [frame for frame in self.backlog if frame.get("type") == kind]

    def close(self):
        self.ws.close()


class NativeClient(Client):
    """Speaks `roost.v1.json`; has read its `welcome`, which comes first."""

    subprotocols = [NATIVE]

    def __init__(self, node, **options):
        super().__init__(node, **options)
        self.welcome = self.read()
        assert self.welcome["type"] == "welcome", f"the first frame is {self.welcome}"

    @property
    def user(self):
        return self.welcome.payload["user"]

    def send(self, kind, payload, message_id=None, **fields):
        """Sends one frame; returns its messageId."""
        message_id = message_id or str(uuid.uuid4())
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        frame = {"type": kind, "messageId": message_id, "timestamp": now, "payload": payload, **fields}
        self.send_text(json.dumps(frame))
        return message_id

    def reply(self, message_id, timeout=5):
        """What answers the frame with this messageId: never the broadcast of a message."""
        return self.expect_frame(
            lambda f: f.get("messageId") == message_id and f["type"] != "message", timeout, f"reply to {message_id}"
        )

    def request(self, kind, payload, expected=None, message_id=None, timeout=5, **fields):
        """Sends a frame and returns its answer, which must be of the type `expected` where that is given."""
        reply = self.reply(self.send(kind, payload, message_id, **fields), timeout)
        assert expected is None or reply["type"] == expected, f"{kind} {payload} was answered with {reply}"
        return reply

    def refused(self, kind, payload, *codes, message_id=None, timeout=5):
        """Sends a frame that must be answered with one of these error codes; returns the error's payload."""
        error = self.request(kind, payload, "error", message_id, timeout)
        assert error.payload["code"] in codes, f"{kind} {payload} was answered with {error}"
        return error.payload

    def join(self, room, **options):
        return self.request("join", {"room": room, **options}, "joined").payload

    def publish(self, room, content, message_id=None, **options):
        """Sends one message and returns the payload of its ack."""
        return self.request("message", {"room": room, "content": content, **options}, "ack", message_id).payload

    def publish_raw(self, room, content, message_id=None):
        """Sends one message whose content is this very text; returns the payload of its ack."""
        message_id = message_id or str(uuid.uuid4())
        payload = f'{{"room":{json.dumps(room)},"content":{content}}}'
        self.send_text(f'{{"type":"message","messageId":"{message_id}","payload":{payload}}}')
        reply = self.reply(message_id)
        assert reply["type"] == "ack", f"content {content[:80]} was answered with {reply}"
        return reply.payload

    def hear(self, room, count=None, timeout=5):
        """The next message of a room; with a count, a list of that many."""
        one = lambda: self.expect("message", timeout, lambda f: f.payload["room"] == room)  # noqa: E731
        return one() if count is None else [one() for _ in range(count)]

    def ping(self, timeout=5):
        """A ping and its pong: whatever the server sent before it has been read afterwards."""
        return self.request("ping", {}, "pong", timeout=timeout)

    def heard_nothing(self, room=None):
        """Whether no message (of a room) waits to be read, now that a ping has been answered."""
        self.ping()
        return [f for f in self.waiting("message") if room is None or f.payload["room"] == room] == []


class SimpleClient(Client):
    """Speaks the simple dialect without a subprotocol; has read its `connection` frame, which comes first."""

    def __init__(self, node, **options):
        super().__init__(node, **options)
        self.connection = self.read()
        assert self.connection["type"] == "connection", f"the first frame is {self.connection}"

    @property
    def id(self):
        return self.connection["client_id"]

    def send(self, **frame):
        self.send_text(json.dumps(frame))

    def join(self, room):
        """Joins a room and reads the `room_users` that ends it; returns that."""
        self.send(type="join", room=room)
        return self.expect("room_users")

    def say(self, content):
        """Sends a message and reads the server's own answer to it; returns that."""
        self.send(type="message", content=content)
        return self.expect("message", where=lambda f: f["sender"] == "server" and f["content"] == content)

    def hear(self, content, timeout=5):
        """The message with this content from somebody, not from the server."""
        return self.expect("message", timeout, lambda f: f["sender"] != "server" and f["content"] == content)
