"""Many publishers and readers of one room, who keep to what clients are told to do, and what became of their messages."""

import asyncio
import json
import random
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from account import Account
from checks import PATIENCE, eventually, position
from roost_clients import NATIVE

# What ends a connection but not a client, which comes again.
LOST = (OSError, TimeoutError, WebSocketException, InvalidHandshake, EOFError)
# Refusals after which the same is sent again.
PASSING = {"unavailable", "rate_limited"}
# Close codes that say not to come again.
FINAL = {1002, 1003, 1007, 1009, *range(4500, 5000)}
ANSWER_SECONDS = 10 * PATIENCE
# For so long all listen on after the last message: what is heard twice may come late.
LISTENING_SECONDS = 2
PING = json.dumps({"type": "ping", "messageId": "ping", "payload": {}})


class Fault(Exception):
    """The server has broken a promise; the sentence says which."""


class Client:
    """A user that connects again whenever its connection is lost, until it is done."""

    def __init__(self, url, user, room):
        self.address, self.user, self.room = f"{url}/ws?user={user}", user, room
        self.stopping = asyncio.Event()
        self.socket = None
        self.connections = 0  # how often it got in
        self.pause = 0.0  # how long it was asked to wait before it comes again

    async def run(self):
        """Comes again and again, with a pause of its own as clients are to; a broken promise ends it."""
        while not self.is_done():
            try:
                async with connect(
                    self.address, subprotocols=[NATIVE], compression=None, proxy=None, ping_interval=None,
                    open_timeout=ANSWER_SECONDS, close_timeout=1, max_size=None,
                ) as socket:
                    await self.expect(socket, "welcome")
                    self.socket, self.connections = socket, self.connections + 1
                    await self.serve(socket)
            except ConnectionClosed as closed:
                if closed.rcvd and closed.rcvd.code in FINAL:
                    raise Fault(f"{self.user} was sent away for good: {closed}") from None
            except LOST:
                pass
            finally:
                self.socket = None
            await asyncio.sleep(self.pause or random.uniform(0.05, 0.3))
            self.pause = 0.0

    def is_done(self):
        return self.stopping.is_set()

    async def expect(self, socket, kind):
        """The payload of the next frame of this type; what comes before it is left to `other`."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                frame = json.loads(await socket.recv())
                if frame["type"] == kind:
                    return frame["payload"]
                self.other(frame)

    def other(self, frame):
        if frame["type"] == "reconnect":
            self.pause = frame["payload"]["afterMs"] / 1000

    async def leave(self):
        """Hangs up by itself, to come again."""
        if self.socket:
            await self.socket.close()


class Reader(Client):
    """Hears the room, and goes on where it was after each loss."""

    def __init__(self, url, user, room, padding=0):
        super().__init__(url, user, room)
        self.epoch, self.first, self.heard, self.padding = None, None, [], "x" * padding
        self.joined, self.ponged = asyncio.Event(), asyncio.Event()
        self.is_in = False  # whether it has joined over the connection that it has

    @property
    def last(self):
        """The seq that was heard last."""
        return self.first - 1 + len(self.heard)

    async def serve(self, socket):
        resumes = {"after": position(self.epoch, self.last)} if self.epoch else {}
        await socket.send(json.dumps({
            "type": "join", "messageId": f"j{self.connections}",
            "payload": {"room": self.room, "presence": False, **resumes}}))
        answer = await self.expect(socket, "joined")
        if self.epoch is None:
            self.epoch, self.first = answer["epoch"], answer["head"] + 1
        elif answer["epoch"] != self.epoch or not answer["recovered"]:
            raise Fault(f"{self.user} resumed at {self.last} and was told {answer}")
        self.joined.set()
        self.is_in = True
        try:
            async for text in socket:
                self.take(json.loads(text))
        finally:
            self.is_in = False

    def take(self, frame):
        if frame["type"] != "message":
            return self.other(frame)
        if frame["payload"]["room"] != self.room:
            raise Fault(f"{self.user} heard {frame['payload']['room']}")
        if frame["payload"]["seq"] != self.last + 1:
            raise Fault(f"{self.user} heard seq {frame['payload']['seq']} after {self.last}, "
                        f"over its connection {self.connections}")
        sender, content = frame["payload"]["sender"], frame["payload"]["content"]
        if content[1:] != [self.padding] or f"{sender}-{content[0]}" != frame["messageId"]:
            raise Fault(f"{self.user} heard {frame['messageId']} as {str(content)[:80]} of {sender}")
        self.heard.append(frame["messageId"])

    def other(self, frame):
        if frame["type"] in ("gap", "joined"):
            raise Fault(f"{self.user} stood at {self.last} and was told {frame}")
        if frame["type"] == "message":
            raise Fault(f"{self.user} heard {frame['messageId']} before it was told that it has joined")
        if frame["type"] == "pong":
            self.ponged.set()
        super().other(frame)

    async def read_all(self):
        """Until a ping is answered in the room: what was sent to it before has been heard."""
        while not self.ponged.is_set():
            if not self.is_in:
                await asyncio.sleep(0.02)
                continue
            try:
                await self.socket.send(PING)
                await asyncio.wait_for(self.ponged.wait(), 1)
            except LOST:
                pass


class Publisher(Client):
    """Sends one message after another, each again under its id until it is acked."""

    def __init__(self, url, user, room, rate, padding):
        super().__init__(url, user, room)
        self.every, self.sent, self.acked, self.padding = 1 / rate, 0, {}, "x" * padding
        self.repeats = 0

    @property
    def message_id(self):
        return f"{self.user}-{self.sent}"

    def is_done(self):
        return super().is_done() and self.sent == len(self.acked)

    async def serve(self, socket):
        # What was on its way when the connection was lost goes first.
        if self.sent > len(self.acked):
            self.repeats += 1
            await self.publish(socket)
        begun, due = time.monotonic(), self.sent
        while not self.stopping.is_set():
            self.sent += 1
            await self.publish(socket)
            await asyncio.sleep(max(0, begun + (self.sent - due) * self.every - time.monotonic()))

    async def publish(self, socket):
        frame = json.dumps({
            "type": "message", "messageId": self.message_id,
            "payload": {"room": self.room, "content": [self.sent, self.padding]}})
        while True:
            await socket.send(frame)
            wait = await self.outcome(socket)
            if wait is None:
                return
            self.repeats += 1
            await asyncio.sleep(wait)

    async def outcome(self, socket):
        """Waits for the answer; None once it is an ack, else in how many seconds to send again."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self.answer(socket)
        except TimeoutError:
            # A connection that is gone without a word does not answer this either, and ends.
            await socket.send(PING)
            await self.expect(socket, "pong")
            raise Fault(f"{self.message_id} had no answer within {ANSWER_SECONDS} s, though a ping had") from None

    async def answer(self, socket):
        while True:
            answer = json.loads(await socket.recv())
            if answer.get("messageId") != self.message_id or answer["type"] == "message":
                self.other(answer)
            elif answer["type"] == "ack":
                self.acked[self.message_id] = answer["payload"]["seq"]
                return None
            elif answer["type"] == "error" and answer["payload"]["code"] in PASSING:
                return answer["payload"].get("retryAfterMs", 200) / 1000
            else:
                raise Fault(f"{self.message_id} was answered with {answer}")


class Crowd:
    """Publishers and readers behind one address, while something is done to the servers.

    - rate: messages a second of each publisher, one at a time.
    - padding: bytes that each message is longer than it need be."""

    def __init__(self, url, room, publishers=30, readers=60, rate=2.0, padding=0):
        self.readers = [Reader(url, f"reader-{number}", room, padding) for number in range(readers)]
        self.publishers = [Publisher(url, f"publisher-{number}", room, rate, padding) for number in range(publishers)]
        self.tasks = []

    async def during(self, story, patience=30):
        """Lets all talk while `story` (a coroutine) goes on and until all have heard everything; raises the first Fault.
        Who has not heard all of it `patience` seconds after the last ack is found by `account`."""
        try:
            self.begin(self.readers)
            await self.meanwhile(asyncio.gather(*(reader.joined.wait() for reader in self.readers)), patience)
            self.begin(self.publishers)
            await self.meanwhile(story)
            for publisher in self.publishers:
                publisher.stopping.set()
            await self.meanwhile(self.all_acked(), patience)
            end = max((seq for publisher in self.publishers for seq in publisher.acked.values()), default=0)
            await self.meanwhile(self.all_heard(end), patience, may_end=True)
            await self.meanwhile(asyncio.sleep(LISTENING_SECONDS))
            await self.meanwhile(asyncio.gather(*(reader.read_all() for reader in self.readers)), patience)
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def begin(self, clients):
        self.tasks += [asyncio.create_task(client.run()) for client in clients]

    async def meanwhile(self, something, patience=None, may_end=False):
        """Waits for something, while a client that fails ends the wait."""
        waiting = asyncio.ensure_future(something)
        deadline = None if patience is None else time.monotonic() + patience * PATIENCE
        while not waiting.done():
            rest = None if deadline is None else max(0, deadline - time.monotonic())
            living = [task for task in self.tasks if not task.done()]
            done, _ = await asyncio.wait([waiting, *living], timeout=rest, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not waiting and (fault := task.exception()):
                    waiting.cancel()
                    raise fault
            if not done:
                waiting.cancel()
                if may_end:
                    return
                raise AssertionError(f"{something} did not come to an end within {patience} s: {self.standing()}")
        waiting.result()

    async def all_acked(self):
        while any(publisher.sent > len(publisher.acked) for publisher in self.publishers):
            await asyncio.sleep(0.02)

    async def all_heard(self, end):
        while any(reader.last < end for reader in self.readers):
            await asyncio.sleep(0.02)

    def returns(self):
        """How often clients have come back."""
        return sum(max(0, client.connections - 1) for client in [*self.readers, *self.publishers])

    def await_return(self):
        """Until some client has come back."""
        eventually(self.returns, timeout=10, what="a client to come back")

    def send_away(self, count):
        """So many readers hang up, to come back where the load balancer leads them. From another thread."""
        loop = self.tasks[0].get_loop()
        for reader in self.readers[:count]:
            asyncio.run_coroutine_threadsafe(reader.leave(), loop)

    def standing(self):
        """How far everybody is, for who wonders."""
        return {"sent": [p.sent for p in self.publishers], "acked": [len(p.acked) for p in self.publishers],
                "heard": [reader.first and reader.last for reader in self.readers]}

    def account(self, history):
        """Compares what was acked and heard with the room's log: (seq, messageId), oldest first."""
        return Account(self.publishers, self.readers, self.returns(), history)


def story(steps):
    """Runs steps (seconds from the start, function) that may block, one after the other."""
    async def tell():
        begun = time.monotonic()
        for at, step in steps:
            await asyncio.sleep(max(0, begun + at - time.monotonic()))
            result = await asyncio.to_thread(step)
            if asyncio.iscoroutine(result):
                await result

    return tell()
