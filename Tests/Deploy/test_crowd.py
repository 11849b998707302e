"""The judge is judged: whatever goes wrong with messages is found, and what is right is not complained of."""

import asyncio
import json

import pytest
from websockets.asyncio.server import serve

from checks import PATIENCE
from crowd import Crowd, Fault, Reader

LOG = [(1, "publisher-0-1"), (2, "publisher-1-1"), (3, "publisher-0-2")]


def crowd():
    """Two publishers, whose messages are LOG, and two readers that have heard all of it."""
    made = Crowd("ws://nowhere", "room", publishers=2, readers=2)
    made.publishers[0].sent, made.publishers[1].sent = 2, 1
    made.publishers[0].acked = {"publisher-0-1": 1, "publisher-0-2": 3}
    made.publishers[1].acked = {"publisher-1-1": 2}
    for reader in made.readers:
        reader.epoch, reader.first, reader.heard = "e", 1, [message_id for _, message_id in LOG]
    return made


def frame(seq, message_id="m-1", sender="m", content=(1, "")):
    return {"type": "message", "messageId": message_id,
            "payload": {"room": "room", "seq": seq, "sender": sender, "content": [*content]}}


def test_what_is_right_is_right():
    account = crowd().account(LOG)
    assert account.problems == [] and (account.acked, account.stored, account.lost, account.doubled) == (3, 3, 0, 0)


def test_an_acked_message_that_a_reader_has_not_heard_is_lost():
    made = crowd()
    made.readers[1].heard.pop()
    account = made.account(LOG)
    assert account.lost == 1 and "reader-1 did not hear ['publisher-0-2']" in account.problems[0]


def test_an_acked_message_that_is_not_in_the_log_is_lost_though_it_was_heard():
    assert any("was acked with seq 3" in problem for problem in crowd().account(LOG[:2]).problems)


def test_an_ack_with_another_seq_is_found():
    made = crowd()
    made.publishers[0].acked["publisher-0-1"] = 2
    assert any("publisher-0-1 was acked with seq 2" in problem for problem in made.account(LOG).problems)


def test_a_message_heard_twice_is_found():
    made = crowd()
    made.readers[0].heard.append("publisher-0-1")
    account = made.account(LOG)
    assert account.doubled == 1 and any("another order" in problem for problem in account.problems)


def test_another_order_is_found():
    made = crowd()
    made.readers[0].heard[:2] = reversed(made.readers[0].heard[:2])
    account = made.account(LOG)
    assert (account.lost, account.doubled) == (0, 0) and "reader-0 heard another order" in account.problems[0]


@pytest.mark.parametrize("log, complaint", [
    ([*LOG, (4, "publisher-0-1")], "messages twice"),
    ([*LOG, (5, "publisher-0-3")], "not 1, 2, 3"),
    ([*LOG, (4, "somebody-1")], "nobody sent"),
])
def test_a_log_that_is_not_what_was_sent_is_found(log, complaint):
    assert any(complaint in problem for problem in crowd().account(log).problems)


@pytest.mark.parametrize("seq", [3, 5])
def test_a_reader_does_not_take_repetitions_and_holes(seq):
    with pytest.raises(Fault, match=f"heard seq {seq} after 3"):
        crowd().readers[0].take(frame(seq))


@pytest.mark.parametrize("told", ["gap", "joined"])
def test_a_reader_does_not_take_another_log_for_its_own(told):
    with pytest.raises(Fault):
        crowd().readers[0].take({"type": told, "payload": {}})


class Answers:
    """A connection on which these frames come."""

    def __init__(self, *frames, is_there=True):
        self.is_there = is_there
        self.frames = [json.dumps(frame) for frame in frames]

    async def recv(self):
        if not self.frames:
            await asyncio.Event().wait()
        return self.frames.pop(0)

    async def send(self, text):
        if json.loads(text)["type"] == "ping" and self.is_there:
            self.frames.append(json.dumps({"type": "pong", "payload": {}}))


def answer(kind, **payload):
    return {"type": kind, "messageId": "publisher-1-1", "payload": payload}


def test_a_refusal_that_is_no_passing_one_is_a_fault():
    publisher = crowd().publishers[1]
    passing = Answers(answer("error", code="unavailable", retryAfterMs=500))
    assert asyncio.run(publisher.outcome(passing)) == 0.5
    for code in ("internal", "conflict", "forbidden"):
        with pytest.raises(Fault, match=code):
            asyncio.run(publisher.outcome(Answers(answer("error", code=code))))


def test_a_client_that_is_told_not_to_come_again_is_a_fault():
    async def story():
        async def send_away(socket):
            await socket.close(4503, "You may not.")

        async with serve(send_away, "127.0.0.1", 0, subprotocols=["roost.v1.json"]) as server:
            host, port = server.sockets[0].getsockname()
            await asyncio.wait_for(Reader(f"ws://{host}:{port}", "reader", "room").run(), 10 * PATIENCE)

    with pytest.raises(Fault, match="sent away for good"):
        asyncio.run(story())


def test_a_reader_takes_what_follows():
    reader = crowd().readers[0]
    reader.take(frame(4, "m-4", content=(4, "")))
    assert reader.last == 4 and reader.heard[-1] == "m-4"


@pytest.mark.parametrize("other", [{"sender": "n"}, {"content": (2, "")}, {"content": (1, "x")}])
def test_a_message_with_something_else_in_it_is_a_fault(other):
    with pytest.raises(Fault, match="heard m-1 as"):
        crowd().readers[0].take(frame(4, **other))


def test_a_message_before_a_reader_has_joined_is_a_fault():
    with pytest.raises(Fault, match="before it was told"):
        asyncio.run(crowd().readers[0].expect(Answers(frame(4)), "joined"))


@pytest.mark.parametrize("is_there, raised", [(True, Fault), (False, TimeoutError)])
def test_an_ack_that_does_not_come_is_a_fault_where_the_connection_lives(monkeypatch, is_there, raised):
    monkeypatch.setattr("crowd.ANSWER_SECONDS", 0.05)
    with pytest.raises(raised):
        asyncio.run(crowd().publishers[1].outcome(Answers(is_there=is_there)))


def test_what_is_heard_twice_after_the_last_ack_is_found(monkeypatch):
    """A server that acks and tells each message once, and a second later the last one again."""
    monkeypatch.setattr("crowd.LISTENING_SECONDS", 1.5)
    heads, readers = [0], []

    async def speak(socket):
        async def say(kind, message_id, **payload):
            await socket.send(json.dumps({"type": kind, "messageId": message_id, "payload": payload}))

        await say("welcome", "w")
        async for text in socket:
            said = json.loads(text)
            if said["type"] == "join":
                readers.append(say)
                await say("joined", said["messageId"], epoch="e", head=heads[0], recovered=True)
            elif said["type"] == "ping":
                await say("pong", said["messageId"])
            else:
                heads[0] += 1
                sender = said["messageId"].rpartition("-")[0]
                message = {"room": "room", "seq": heads[0], "sender": sender, "content": said["payload"]["content"]}
                await readers[0]("message", said["messageId"], **message)
                await say("ack", said["messageId"], seq=heads[0])
                if heads[0] == 3:
                    again = readers[0]("message", said["messageId"], **message)
                    asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(again))

    async def story():
        async with serve(speak, "127.0.0.1", 0, subprotocols=["roost.v1.json"]) as server:
            host, port = server.sockets[0].getsockname()
            made = Crowd(f"ws://{host}:{port}", "room", publishers=1, readers=1, rate=20)

            async def three():
                while heads[0] < 3:
                    await asyncio.sleep(0.01)

            await made.during(three())

    with pytest.raises(Fault, match="heard seq 3 after"):
        asyncio.run(story())
