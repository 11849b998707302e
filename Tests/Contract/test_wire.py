"""Readers of every kind in one room, with frames that go straight to sockets, with frames that go through the event
loop's queue, and over TLS: whoever stays hears every message, whole, once and in order."""

import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from raw_socket import CLOSE, PING, PONG, TEXT, RawWebSocket
from roost_clients import NativeClient

pytestmark = pytest.mark.alone

COUNT = 5000
IN_FLIGHT = 64
# Little room on both sides, so that sends are cut short all the time; one loop and two, since the ways differ.
FLAGS = ["--rate-limit-messages", "0", "--max-unsent-bytes", "64KiB", "--heartbeat", "10m", "--heartbeat-timeout", "10m"]
WAYS = {"direct": [], "queued": ["--no-direct-sends"], "tls": []}


class Reader:
    """A member of the room that reads when it is told to."""

    def __init__(self, node, room, receive_buffer=None):
        self.socket = RawWebSocket(node, receive_buffer=receive_buffer)
        self.heard = 0
        join = {"type": "join", "messageId": "j", "payload": {"room": room, "presence": False}}
        self.socket.send_frame(TEXT, json.dumps(join))
        while self.next()["type"] != "joined":
            pass

    def next(self):
        while True:
            opcode, payload = self.socket.read_frame(timeout=30)
            assert opcode != CLOSE, payload
            if opcode == PING:
                self.socket.send_frame(PONG, payload)
            if opcode == TEXT:
                return json.loads(payload)

    def hear(self, contents, upto):
        """Reads until the message with that number, each of which must be the next one."""
        while self.heard < upto:
            frame = self.next()
            assert frame["type"] != "gap", frame
            if frame["type"] != "message":
                continue
            assert frame["payload"]["seq"] == self.heard + 1
            assert frame["payload"]["content"] == contents[self.heard]
            self.heard += 1


def contents(seed):
    """Messages of very different sizes, now and then one that no socket's buffer takes at once."""
    dice = random.Random(seed)
    sizes = [dice.choice([0, 20, 500, 3000]) if dice.random() > 0.01 else 40_000 for _ in range(COUNT)]
    return [f"{number}:" + "x" * size for number, size in enumerate(sizes)]


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_reader(start_node, name, certificate, way, loops):
    tls = certificate if way == "tls" else None
    node = start_node(*FLAGS, *WAYS[way], "--loops", str(loops), tls=tls)
    room, messages = name("room"), contents(loops)
    author = NativeClient(node)
    author.join(room)
    prompt = [Reader(node, room) for _ in range(3)]
    # Small as their buffers are, they take something all the time, also between two sends of one tick.
    steady = [Reader(node, room, receive_buffer=4096) for _ in range(4)]
    with ThreadPoolExecutor(len(steady)) as threads:
        heard = [threads.submit(reader.hear, messages, COUNT) for reader in steady]
        publish_among(node, room, messages, author, prompt)
        for reading in heard:
            reading.result()
    author.publish(room, "the end")
    for reader in [*prompt, *steady]:
        reader.hear([*messages, "the end"], COUNT + 1)
        reader.socket.close()
    author.close()


def publish_among(node, room, messages, author, prompt):
    """Publishes everything, while others stop reading, read by fits and starts, or leave."""
    jerky = [Reader(node, room, receive_buffer=4096) for _ in range(2)]
    paused = Reader(node, room, receive_buffer=4096)
    leavers = [Reader(node, room, receive_buffer=4096) for _ in range(6)]
    waiting = []
    for number, content in enumerate(messages, start=1):
        waiting.append(author.send("message", {"room": room, "content": content}))
        if len(waiting) == IN_FLIGHT or number == COUNT:
            for message_id in waiting:
                assert author.reply(message_id, timeout=30)["type"] == "ack"
            waiting.clear()
            author.backlog.clear()
            author.log.clear()
            for reader in prompt:
                reader.hear(messages, number)
            if number % (8 * IN_FLIGHT) == 0:
                for reader in jerky:
                    reader.hear(messages, number - 5 * IN_FLIGHT)
            if leavers and number > COUNT // 8 * (7 - len(leavers)):
                leave(leavers.pop(), len(leavers))
    for reader in [*jerky, paused]:
        reader.hear(messages, COUNT)
        reader.socket.close()


def leave(reader, turn):
    """Leaves in one of the ways in which clients leave: with a reset, without a word, or with half a close."""
    if turn % 3 == 0:
        reader.socket.reset()
    elif turn % 3 == 1:
        reader.socket.close()
    else:
        reader.socket.sock.shutdown(socket.SHUT_WR)
