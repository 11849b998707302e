"""Presence: bursts, broken connections, crowds (contract, section 3)."""

import asyncio
import json
import random
from datetime import datetime, timedelta, timezone

from websockets.asyncio.client import connect

from checks import PATIENCE, eventually, is_timestamp
from roost_clients import NATIVE

# A user who has gone is seen to leave only if it has not come back within 5 s.
LEAVING = 12
JOIN = '{"type":"join","messageId":"join-1","payload":{"room":"%s"}}'


def presence(client, room, **options):
    return client.request("presence", {"room": room, **options}, "presence").payload


def about(user, room):
    return lambda frame: (frame.payload["user"], frame.payload["room"]) == (user, room)


def told(client, kind, user):
    return [f for f in client.log if f["type"] == kind and f.payload["user"] == user]


def abrupt(raw, node, user, room):
    """A connection of a user that has joined a room and can be torn down without a goodbye."""
    client = raw(node, path=f"/ws?user={user}")
    client.send_frame(1, JOIN % room)
    while b'"joined"' not in client.read_frame()[1]:
        pass
    return client


def parsed(timestamp):
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00"))


def seen_by(client, room, me):
    """Who is in the room, as the events that the client has heard have it."""
    present = set()
    for frame in client.log:
        if frame["type"] in ("user_joined", "user_left") and frame.payload["room"] == room:
            (present.add if frame["type"] == "user_joined" else present.discard)(frame.payload["user"])
    return present - {me}


def converges(client, room, me, truth, timeout=LEAVING):
    def settled():
        client.ping()
        return seen_by(client, room, me) == truth

    eventually(settled, timeout, f"seeing {len(truth)} others")
    assert {member["user"] for member in presence(client, room)["members"]} - {me} == truth


def test_a_broken_connection_is_seen_to_leave(node, native, raw, room, alice, bob):
    """`user_left {room, user, lastSeen}` … last connection of that user in the room: though it never said goodbye"""
    watcher = native(user=alice)
    watcher.join(room, presence=True)
    client = abrupt(raw, node, bob, room)
    watcher.expect("user_joined", where=about(bob, room))
    before = datetime.now(timezone.utc)
    client.reset()
    left = watcher.expect("user_left", LEAVING, where=about(bob, room))
    assert is_timestamp(left.payload["lastSeen"])
    seen = parsed(left.payload["lastSeen"])
    assert before - timedelta(seconds=10) <= seen <= datetime.now(timezone.utc) + timedelta(milliseconds=5)
    assert [member["user"] for member in presence(watcher, room)["members"]] == [alice]
    assert node.http.get(f"/rooms/{room}/presence").json()["count"] == 1


def test_one_broken_connection_of_two(node, native, raw, room, name, alice, bob):
    """first and last connection of that user in the room"""
    watcher, carol = native(user=alice), name("carol")
    watcher.join(room, presence=True)
    native(user=bob).join(room)
    broken = [abrupt(raw, node, user, room) for user in (bob, carol)]
    watcher.expect("user_joined", where=about(carol, room))
    for client in broken:
        client.reset()
    watcher.expect("user_left", LEAVING, where=about(carol, room))
    watcher.ping()
    assert told(watcher, "user_left", bob) == []
    members = {member["user"]: member["connections"] for member in presence(watcher, room)["members"]}
    assert members == {alice: 1, bob: 1}


def test_connections_of_one_user_of_different_kinds(node, native, simple, room, alice, bob):
    """first and last connection of that user in the room: whatever dialect they speak"""
    watcher = native(user=alice)
    watcher.join(room, presence=True)
    plain, other = simple(user=bob), native(user=bob)
    plain.join(room)
    other.join(room)
    watcher.expect("user_joined", where=about(bob, room))
    plain.close()
    eventually(lambda: {m["user"]: m["connections"] for m in presence(watcher, room)["members"]}.get(bob) == 1, LEAVING)
    assert told(watcher, "user_left", bob) == []
    other.close()
    watcher.expect("user_left", LEAVING, where=about(bob, room))
    assert len(told(watcher, "user_joined", bob)) == len(told(watcher, "user_left", bob)) == 1


def test_last_seen_and_online(node, native, raw, room, alice):
    """one user adds `online`, `lastSeen`"""
    client = abrupt(raw, node, alice, room)
    assert node.http.get(f"/users/{alice}").json()["online"] is True
    before = datetime.now(timezone.utc)
    client.reset()
    eventually(lambda: node.http.get(f"/users/{alice}").json()["online"] is False, LEAVING, "being offline")
    seen = parsed(node.http.get(f"/users/{alice}").json()["lastSeen"])
    assert before - timedelta(seconds=10) <= seen <= datetime.now(timezone.utc) + timedelta(milliseconds=5)


def test_coming_back_is_told(native, room, alice, bob):
    """first and last connection of that user in the room: each time anew"""
    watcher, client = native(user=alice), native(user=bob)
    watcher.join(room, presence=True)
    for _ in range(2):
        client.join(room)
        watcher.expect("user_joined", where=about(bob, room))
        client.request("leave", {"room": room}, "left")
        watcher.expect("user_left", LEAVING, where=about(bob, room))


def test_bursts_converge(native, room, name, alice):
    """presence converges, its events are not counted"""
    watcher, chance = native(user=alice), random.Random(7)
    watcher.join(room, presence=True)
    users = [name("user") for _ in range(12)]
    clients, inside = [native(user=user) for user in users], set()
    for _ in range(120):
        at = chance.randrange(len(clients))
        if users[at] in inside:
            clients[at].send("leave", {"room": room})
            inside.discard(users[at])
        else:
            clients[at].send("join", {"room": room})
            inside.add(users[at])
    for client in clients:
        client.ping()
    converges(watcher, room, alice, inside)


def test_flapping_users_converge(native, room, alice, bob):
    """presence converges: a user who joins and leaves many times in one go"""
    watcher, client = native(user=alice), native(user=bob)
    watcher.join(room, presence=True)
    for last in ("leave", "join"):
        for _ in range(50):
            client.send("join", {"room": room})
            client.send("leave", {"room": room})
        if last == "join":
            client.send("join", {"room": room})
        client.ping()
        converges(watcher, room, alice, {bob} if last == "join" else set())


def test_many_broken_connections_at_once(node, native, raw, room, name, alice):
    """no ghosts: all who are gone are seen to leave, all who stay are there"""
    watcher, stayers = native(user=alice), [name("stays") for _ in range(5)]
    watcher.join(room, presence=True)
    for user in stayers:
        native(user=user).join(room)
    goers = {name("goes"): None for _ in range(30)}
    for user in goers:
        goers[user] = abrupt(raw, node, user, room)
    converges(watcher, room, alice, {*stayers, *goers})
    for client in goers.values():
        client.reset()
    converges(watcher, room, alice, set(stayers))


class Crowd:
    """Many connections, each of its own user, in one room."""

    def __init__(self, node, prefix, room):
        self.node, self.prefix, self.room, self.sockets = node, prefix, room, []

    async def add(self, count):
        for _ in range(count):
            ws = await connect(
                f"ws://{self.node.authority}/ws?user={self.prefix}-{len(self.sockets)}", subprotocols=[NATIVE],
                compression=None, proxy=None, ping_interval=None, max_queue=None, open_timeout=20 * PATIENCE)
            await ws.send(JOIN % self.room)
            while json.loads(await asyncio.wait_for(ws.recv(), 20 * PATIENCE))["type"] != "joined":
                pass
            self.sockets.append(ws)

    async def close(self):
        for ws in self.sockets:
            ws.transport.abort()


def test_above_500_members_only_the_number_is_told(start_node, native, name, room, alice):
    """above 500 members `presence {room,count}` instead"""
    node = start_node("--rate-limit-connects", "0")

    async def scenario():
        crowd, watcher = Crowd(node, name("member"), room), await asyncio.to_thread(native, node, user=alice)
        await asyncio.to_thread(watcher.join, room, presence=True)
        await crowd.add(505)
        count = lambda number: lambda f: f.payload["room"] == room and f.payload["count"] == number  # noqa: E731
        await asyncio.to_thread(watcher.expect, "presence", 20, count(506))
        await crowd.add(3)
        frame = await asyncio.to_thread(watcher.expect, "presence", 20, count(509))
        assert not frame.payload.get("members")
        names = {f"{crowd.prefix}-{number}" for number in range(505, 508)}
        assert [f for f in watcher.log if f["type"] == "user_joined" and f.payload["user"] in names] == []
        answer = await asyncio.to_thread(presence, watcher, room)
        assert answer["count"] == 509
        await crowd.close()
        await asyncio.to_thread(eventually, lambda: presence(watcher, room)["count"] == 1, LEAVING, "being alone")

    asyncio.run(scenario())


def test_a_crowd_hears_every_message(start_node, native, name, room, alice):
    """above 500 members: messages are as ever"""
    node = start_node("--rate-limit-connects", "0")

    async def scenario():
        crowd = Crowd(node, name("member"), room)
        await crowd.add(501)
        client = await asyncio.to_thread(native, node, user=alice)
        joined = await asyncio.to_thread(client.join, room)
        assert joined["head"] == 0
        assert (await asyncio.to_thread(client.publish, room, "hello all"))["seq"] == 1
        for ws in (crowd.sockets[0], crowd.sockets[-1]):
            async with asyncio.timeout(10 * PATIENCE):
                while json.loads(await ws.recv())["type"] != "message":
                    pass
        await crowd.close()

    asyncio.run(scenario())
