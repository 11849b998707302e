"""kill -9 under load: nothing that was acked is lost, nothing is there twice (contract, section 3).

20 clients with several messages in flight each; the node is killed, started again on the same file, and asked."""

import asyncio
import json
import time
import uuid
from collections import Counter

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from checks import PATIENCE, read_backwards
from roost_clients import NATIVE
from roost_node import Node

CLIENTS, WINDOW, ROUNDS = 20, 8, 2
ROOMS = ["crash-1", "crash-2", "crash-3"]
ENOUGH = 1500  # acks in all before the node is killed
FLAGS = ["--rate-limit-messages", "0"]


class Author:
    """A user who sends to the rooms in turn, and remembers what it sent and what was acked."""

    def __init__(self, number):
        self.user = f"crash-author-{number}"
        self.sent = {}  # (room, messageId) → content, in the order of sending
        self.acked = {}  # (room, messageId) → seq
        self.rooms = {}  # messageId → room

    def connect(self, node):
        return connect(
            f"ws://{node.authority}/ws?user={self.user}", subprotocols=[NATIVE], compression=None, proxy=None,
            ping_interval=None, max_queue=None, max_size=None, open_timeout=20 * PATIENCE,
        )

    async def send(self, ws, room, message_id, content):
        payload = {"room": room, "content": content}
        await ws.send(json.dumps({"type": "message", "messageId": message_id, "payload": payload}))

    async def load(self, node, counter):
        """Keeps WINDOW messages in flight until the node is gone."""
        try:
            async with self.connect(node) as ws:
                for _ in range(WINDOW):
                    await self.send_next(ws)
                async for text in ws:
                    frame = json.loads(text)
                    assert frame["type"] in ("welcome", "ack"), frame
                    if frame["type"] == "ack":
                        key = (self.rooms[frame["messageId"]], frame["messageId"])
                        assert frame["payload"]["durability"] == "stored"
                        self.acked[key] = frame["payload"]["seq"]
                        counter["acks"] += 1
                        await self.send_next(ws)
        except (ConnectionClosed, OSError):
            pass

    async def send_next(self, ws):
        number = len(self.sent)
        room, message_id = ROOMS[number % len(ROOMS)], str(uuid.uuid4())
        self.sent[(room, message_id)] = {"author": self.user, "number": number}
        self.rooms[message_id] = room
        try:
            await self.send(ws, room, message_id, self.sent[(room, message_id)])
        except ConnectionClosed:
            pass  # acks that came before the end may still wait to be read

    async def repeat(self, node, keys):
        """Sends these messages again; returns the payload of each one's ack."""
        acks = {}
        async with self.connect(node) as ws:
            for room, message_id in keys:
                await self.send(ws, room, message_id, self.sent[(room, message_id)])
            async with asyncio.timeout(20 * PATIENCE):
                while len(acks) < len(keys):
                    frame = json.loads(await ws.recv())
                    assert frame["type"] in ("welcome", "ack"), frame
                    if frame["type"] == "ack":
                        acks[(self.rooms[frame["messageId"]], frame["messageId"])] = frame["payload"]
        return acks


async def load_and_kill(node, authors):
    """Runs all authors until enough was acked, then kills the node in the midst of it."""
    counter = Counter()
    tasks = [asyncio.create_task(author.load(node, counter)) for author in authors]
    deadline = time.monotonic() + 20 * PATIENCE
    while counter["acks"] < ENOUGH and time.monotonic() < deadline:
        for task in tasks:
            assert not task.done() or task.result(), "a client was cut off before the node was killed"
        await asyncio.sleep(0.005)
    node.kill9()
    await asyncio.wait_for(asyncio.gather(*tasks), 20 * PATIENCE)
    return counter["acks"]


async def repeat_all(node, authors):
    """Every author sends again what was not acked, and the last that was; returns (author, key, ack) of each."""
    async def one(author):
        unacked = [key for key in author.sent if key not in author.acked]
        acks = await author.repeat(node, unacked + list(author.acked)[-WINDOW:])
        return [(author, key, ack) for key, ack in acks.items()]

    return [item for found in await asyncio.gather(*(one(author) for author in authors)) for item in found]


class Aftermath:
    """What the tests ask about: taken after each kill, before and after the repeats."""

    def __init__(self, directory):
        store, self.rounds, self.authors = f"sqlite:{directory}/crash.db", [], [Author(n) for n in range(CLIENTS)]
        node = Node(directory, *FLAGS, store=store)
        try:
            for _ in range(ROUNDS):
                acks = asyncio.run(load_and_kill(node, self.authors))
                node = Node(directory, *FLAGS, store=store)
                found = {room: read_backwards(node.http, room) for room in ROOMS}
                acked = {key: seq for author in self.authors for key, seq in author.acked.items()}
                repeats = asyncio.run(repeat_all(node, self.authors))
                for author, key, ack in repeats:
                    author.acked.setdefault(key, ack["seq"])
                final = {room: read_backwards(node.http, room) for room in ROOMS}
                self.rounds.append({"acks": acks, "acked": acked, "found": found, "repeats": repeats, "final": final})
            assert node.stop() == 0
        finally:
            node.kill9()
        self.sent = {key: content for author in self.authors for key, content in author.sent.items()}


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory):
    return Aftermath(tmp_path_factory.mktemp("crash"))


@pytest.fixture(params=range(ROUNDS))
def after_kill(aftermath, request):
    return aftermath.rounds[request.param]


def seqs_of(history):
    """(room, messageId) → every seq it was found at"""
    found = {}
    for room, messages in history.items():
        for message in messages:
            found.setdefault((room, message["messageId"]), []).append(message["seq"])
    return found


def test_there_was_load(after_kill):
    """(the test itself) enough was acked, and something was in flight"""
    assert after_kill["acks"] >= 200
    assert len(after_kill["repeats"]) > CLIENTS * WINDOW


def test_every_acked_message_is_there_once(after_kill):
    """`stored` (the store has it on disk: SQLite after fsync): every acked message is there exactly once, at the `seq`
    it was acked with"""
    found = seqs_of(after_kill["found"])
    assert {key: found.get(key) for key in after_kill["acked"]} == {
        key: [seq] for key, seq in after_kill["acked"].items()}


def test_nothing_is_there_twice(after_kill):
    """stored once: what was not acked may be there, but once"""
    assert [key for key, seqs in seqs_of(after_kill["found"]).items() if len(seqs) > 1] == []


def test_seq_is_contiguous(after_kill):
    """Within one epoch a room's `seq` starts at 1 and has no gaps."""
    for messages in after_kill["found"].values():
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))


def test_what_is_there_is_what_was_sent(aftermath, after_kill):
    """comes out … as it went in: nothing torn, nothing foreign"""
    for room, messages in after_kill["found"].items():
        for message in messages:
            content = message["content"]
            assert content == aftermath.sent[(room, message["messageId"])]
            assert message["senderId"] == content["author"]


def test_what_was_there_is_a_duplicate(after_kill):
    """sent again …, after any crash, is stored once, acked again with the same `seq`"""
    found = seqs_of(after_kill["found"])
    for _, key, ack in after_kill["repeats"]:
        if key in found:
            assert (ack["duplicate"], [ack["seq"]]) == (True, found[key]), key
        else:
            assert ack["duplicate"] is False, key


def test_acked_messages_sent_again_keep_their_seq(after_kill):
    """acked again with the same `seq`"""
    again = [(key, ack) for _, key, ack in after_kill["repeats"] if key in after_kill["acked"]]
    assert len(again) == CLIENTS * WINDOW
    for key, ack in again:
        assert (ack["duplicate"], ack["seq"]) == (True, after_kill["acked"][key]), key


def test_after_the_repeats_everything_is_there_once(after_kill):
    """stored once; `seq` … has no gaps"""
    found = seqs_of(after_kill["final"])
    assert [key for key, seqs in found.items() if len(seqs) != 1] == []
    for _, key, ack in after_kill["repeats"]:
        assert found[key] == [ack["seq"]]
    for messages in after_kill["final"].values():
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))


def test_in_the_end_everything_is_there(aftermath):
    """A client with message ids … [sees no] duplicate or a hole: all that was ever sent is stored."""
    assert set(seqs_of(aftermath.rounds[-1]["final"])) == set(aftermath.sent)


def test_messages_of_one_author_keep_their_order(aftermath, after_kill):
    """Messages of one connection to one room keep their order."""
    for messages in after_kill["found"].values():
        latest = {}
        for message in messages:
            content = message["content"]
            assert content["number"] > latest.get(content["author"], -1)
            latest[content["author"]] = content["number"]
