"""A reader that stops reading while 100 MB are published (contract, section 5).

"A subscriber that falls behind is not fed from memory: live pushes to it stop and it is fed from the log at its own
pace until it has caught up. … messages are never silently dropped." """

import json

import pytest

from checks import PATIENCE
from raw_socket import CLOSE, TEXT, RawWebSocket
from roost_clients import NativeClient

pytestmark = pytest.mark.alone

COUNT, SIZE = 1700, 60_000  # 102 MB
IN_FLIGHT = 16
ALLOWED = 5_000_000
FLAGS = ["--recent-bytes", "4MiB", "--rate-limit-messages", "0", "--heartbeat", "10m", "--heartbeat-timeout", "10m"]


def resident(node):
    """The server's resident memory in bytes."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


class Publisher:
    """Publishes 100 MB to a room while a prompt reader reads it; `most` is what memory the server had meanwhile."""

    def __init__(self, node, room):
        self.node, self.room, self.most = node, room, 0
        self.author, self.prompt = NativeClient(node), NativeClient(node)
        self.prompt.join(room)
        self.waiting, self.heard = [], 0

    def run(self):
        filler = "x" * SIZE
        for number in range(COUNT):
            content = f"{number}:{filler}"
            self.waiting.append(self.author.send("message", {"room": self.room, "content": content}))
            if len(self.waiting) == IN_FLIGHT:
                self.settle_one()
        while self.waiting:
            self.settle_one()
        self.author.close()
        self.prompt.close()
        return self.most

    def settle_one(self):
        """Reads the ack of the oldest message in flight, and hears the message where it is read promptly."""
        assert self.author.reply(self.waiting.pop(0), timeout=20)["type"] == "ack"
        self.heard += 1
        assert self.prompt.hear(self.room, timeout=20).payload["seq"] == self.heard
        for client in (self.author, self.prompt):
            client.log.clear()
        if self.heard % 20 == 0 or not self.waiting:
            self.most = max(self.most, resident(self.node))


class SlowReader:
    """A member of a room that reads nothing until it is asked to."""

    def __init__(self, node, room):
        self.socket = RawWebSocket(node, receive_buffer=4096)
        frame = {"type": "join", "messageId": "join-1", "payload": {"room": room}}
        self.socket.send_frame(TEXT, json.dumps(frame))
        assert self.next("joined")["head"] == 0

    def next(self, kind="message"):
        while True:
            opcode, payload = self.socket.read_frame(timeout=20)
            assert opcode != CLOSE, payload
            if opcode == TEXT:
                frame = json.loads(payload)
                assert frame["type"] != "gap", frame
                if frame["type"] == kind:
                    return frame["payload"]


@pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer's memory is not the server's")
def test_a_slow_reader_costs_no_memory_and_hears_everything(start_node, native, sqlite, name):
    """it is fed from the log at its own pace until it has caught up: 100 MB cost less than 5 MB, and every message is
    heard, once, in order"""
    node, room = start_node(*FLAGS, store=sqlite), name("room")
    usual = Publisher(node, name("warm")).run()
    # Connections go to the server's event loops in turn: with one more between, the next pass has the loops of author
    # and reader swapped, so that the allocator has been through both.
    native(node)
    usual = max(usual, Publisher(node, name("warm")).run(), Publisher(node, name("warm")).run())
    slow = SlowReader(node, room)
    most = Publisher(node, room).run()
    assert most - usual < ALLOWED, f"{usual} bytes as usual, {most} with a reader that does not read"
    for number in range(COUNT):
        message = slow.next()
        assert message["seq"] == number + 1
        assert message["content"] == f"{number}:{'x' * SIZE}"
    assert native(node).publish(room, "live again")["seq"] == COUNT + 1
    assert slow.next()["content"] == "live again"
    slow.socket.close()
