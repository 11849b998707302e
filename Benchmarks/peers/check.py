#!/usr/bin/env python3
"""Checks that the servers Roost is compared with do what the comparison takes for granted.

    Benchmarks/peers/install.sh && .venv-bench/bin/python Benchmarks/peers/check.py [NAME…]
"""

import argparse
import asyncio
import json
import pathlib
import sys
from urllib.parse import quote

try:
    from websockets.asyncio.client import connect
except ImportError:
    sys.exit("check: run Benchmarks/peers/install.sh, then this with .venv-bench/bin/python")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from comparison.servers import PEERS, raise_open_files, serving  # noqa: E402

PATIENCE = 10
CROWD = 100
# So many messages without waiting for any of them: what is under way at a time must not get lost.
BURST = 64


def opened(url):
    return connect(url, compression=None, proxy=None, open_timeout=PATIENCE, max_size=2**22, ping_interval=None)


class Client:
    """A connection that is in a room; each dialect says how to join, to say, and what has been heard."""

    def __init__(self, socket, room):
        self.socket = socket
        self.room = room

    @staticmethod
    def address(server, room):
        return server.url(server.kind.rooms)

    @classmethod
    async def join(cls, server, room):
        client = cls(await opened(cls.address(server, room)), room)
        await asyncio.wait_for(client.enter(), PATIENCE)
        return client

    async def hear(self, wanted=1):
        """The next contents heard, in their order."""
        heard = []
        async with asyncio.timeout(PATIENCE):
            while len(heard) < wanted:
                heard += self.contents(await self.socket.recv())
        return heard


class PubSub(Client):
    """The room is in the path; every frame is a message."""

    @staticmethod
    def address(server, room):
        return server.url(server.kind.rooms + quote(room))

    async def enter(self):
        pass

    async def say(self, content):
        await self.socket.send(content)

    def contents(self, frame):
        return [frame]


class Simple(Client):
    """Flat JSON."""

    async def enter(self):
        await self.socket.send(json.dumps({"type": "join", "room": self.room}))
        users = json.loads(await self.socket.recv())
        assert users["type"] == "room_users" and isinstance(users["users"], list), users

    async def say(self, content):
        await self.socket.send(json.dumps({"type": "message", "content": content}))

    def contents(self, frame):
        message = json.loads(frame)
        assert message["type"] == "message" and message["sender"] and message["timestamp"], message
        return [message["content"]]


class Nats(Client):
    """NATS's protocol in binary frames; a frame may end anywhere, so what is heard is gathered first."""

    async def enter(self):
        self.gathered = b""
        await self.write('CONNECT {"verbose":false,"echo":true}\r\n' f"SUB {self.room} 1\r\nPING\r\n")
        while b"PONG\r\n" not in self.gathered:
            self.gathered += await self.socket.recv()
        self.gathered = self.gathered.partition(b"PONG\r\n")[2]

    async def write(self, text):
        await self.socket.send(text.encode())

    async def say(self, content):
        await self.write(f"PUB {self.room} {len(content.encode())}\r\n{content}\r\n")

    def contents(self, frame):
        self.gathered += frame
        found = []
        while b"\r\n" in self.gathered:
            head, _, rest = self.gathered.partition(b"\r\n")
            if not head.startswith(b"MSG "):
                self.gathered = rest
                continue
            size = int(head.split()[-1])
            if len(rest) < size + 2:
                break
            found.append(rest[:size].decode())
            self.gathered = rest[size + 2:]
        return found


DIALECTS = {"pubsub": PubSub, "simple": Simple, "nats": Nats}


async def check_rooms(server):
    """Two in a room hear each other and themselves; a third in another room hears nothing of it."""
    dialect = DIALECTS[server.kind.dialect]
    first, second, other = [await dialect.join(server, room) for room in ("a", "a", "b")]
    for author, content in ((first, "grüße"), (second, "x" * 512)):
        await author.say(content)
        for reader in (first, second):
            assert await reader.hear() == [content]
    await other.say("of another room")
    assert await other.hear() == ["of another room"]
    for client in (first, second, other):
        await client.socket.close()


async def check_burst(server):
    """What is said without waiting is heard once each, in order."""
    dialect = DIALECTS[server.kind.dialect]
    author, reader = [await dialect.join(server, "burst") for _ in range(2)]
    wanted = [f"message {number}" for number in range(BURST)]
    for content in wanted:
        await author.say(content)
    for client in (author, reader):
        heard = await client.hear(BURST)
        assert heard == wanted, f"heard {heard[:3]}… instead of {wanted[:3]}…"
        await client.socket.close()


async def check_crowd(server):
    """A hundred connections at once are let in and hear the same message."""
    dialect = DIALECTS[server.kind.dialect]
    crowd = await asyncio.gather(*(dialect.join(server, "crowd") for _ in range(CROWD)))
    await crowd[0].say("to all")
    heard = await asyncio.gather(*(client.hear() for client in crowd))
    assert all(each == ["to all"] for each in heard), "some heard something else"
    await asyncio.gather(*(client.socket.close() for client in crowd))


async def check_echo(server):
    """Each frame comes back to its author and to nobody else."""
    if server.kind.echo is None:
        return "has none"
    async with opened(server.url(server.kind.echo)) as first, opened(server.url(server.kind.echo)) as second:
        for socket, content in ((first, "one"), (second, "two"), (first, "x" * 512)):
            await socket.send(content)
            assert await asyncio.wait_for(socket.recv(), PATIENCE) == content


CHECKS = {"rooms": check_rooms, "burst": check_burst, "crowd": check_crowd, "echo": check_echo}


def run(name):
    """Runs every check against one server; returns whether all passed."""
    passed = True
    for title, check in CHECKS.items():
        try:
            with serving(PEERS[name]) as server:
                remark = asyncio.run(check(server)) or "ok"
        except Exception as error:
            passed = False
            remark = f"FAILED: {type(error).__name__} {error}"
        print(f"{name:8} {title:6} {remark}", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"peers to check: {', '.join(PEERS)} (all)")
    names = parser.parse_args().names or list(PEERS)
    if unknown := set(names) - set(PEERS):
        parser.error(f"there is no peer called {', '.join(sorted(unknown))}")
    raise_open_files()
    return 0 if all([run(name) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
