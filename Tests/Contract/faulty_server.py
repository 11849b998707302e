"""A server that `roost bench` can load and that does one thing wrong, on purpose and once.

What its publishers send goes to every connection of the same path in one piece per read, as a server under load does
it, so that readers get many messages at a time. `fault` names what goes wrong, for the last connection only, in a
piece of at least three messages after the thousandth; `None`: nothing does. With `acks`, messages of the native
protocol are acked instead, and it is the acks that go wrong."""

import asyncio
import base64
import hashlib
import re
import threading

FAULTS = {
    "double": lambda frames: [*frames[:2], *frames[1:]],
    "drop": lambda frames: [frames[0], *frames[2:]],
    "drop the last": lambda frames: frames[:-1],
    "swap": lambda frames: [frames[0], frames[2], frames[1], *frames[3:]],
    "renumber": lambda frames: [frames[0], frames[0][:-1] + b"y", *frames[2:]],
    "send all again": lambda frames: frames + frames,
    "leave": lambda frames: frames,
}


def accept(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def framed(payload):
    size = len(payload)
    return (bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


def ack(payload):
    number = re.search(rb'"messageId":"(\w+)"', payload)[1]
    return b'{"type":"ack","messageId":"' + number + b'","payload":{"durability":"stored"}}'


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.buffer, self.room, self.spoiled = server, b"", None, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if self.room is None:
            head, found, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            lines = head.decode().split("\r\n")
            key = next(line.split(": ")[1] for line in lines if line.lower().startswith("sec-websocket-key"))
            self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 b"Sec-WebSocket-Accept: " + accept(key).encode() + b"\r\n\r\n")
            self.room = self.server.rooms.setdefault(lines[0].split(" ")[1], [])
            self.room.append(self)
        if payloads := list(self.payloads()):
            self.server.publish(self.room, payloads)

    def payloads(self):
        """What has come in whole frames; the generator masks with zeros."""
        while len(self.buffer) >= 2:
            size, start = self.buffer[1] & 127, 6
            if size == 126:
                size, start = int.from_bytes(self.buffer[2:4], "big"), 8
            if len(self.buffer) < start + size:
                return
            yield self.buffer[start:start + size]
            self.buffer = self.buffer[start + size:]


class FaultyServer:
    """Runs on a thread of its own while the `with` lasts; `done` is set once the fault has been committed."""

    def __init__(self, fault=None, acks=False):
        self.fault, self.acks, self.rooms, self.published, self.done = fault, acks, {}, 0, threading.Event()

    def publish(self, room, payloads):
        self.published += len(payloads)
        frames = [framed(ack(payload) if self.acks else payload) for payload in payloads]
        spoiled = frames
        if self.fault and not self.done.is_set() and self.published > 1000 and len(frames) >= 3:
            self.done.set()
            spoiled = FAULTS[self.fault](frames)
        for reader in room[:-1]:
            reader.transport.write(b"".join(frames))
        room[-1].transport.write(b"".join(spoiled))
        if self.done.is_set() and self.fault == "leave":
            room[-1].transport.close()

    def __enter__(self):
        ready = threading.Event()

        async def serve():
            self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
            server = await self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0)
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await self.stopped.wait()

        self.thread = threading.Thread(target=lambda: asyncio.run(serve()))
        self.thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join()
