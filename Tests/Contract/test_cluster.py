"""Several nodes over one Redis: they are one system (contract, sections 1, 2 and 6)."""

import re
import time

import pytest

from checks import PATIENCE, eventually, participant_ids
from redis_server import RedisServer
from roost_node import run

# Without the bus a node looks at the shared file every two seconds: what is heard sooner came over the bus.
SOON = 1.0


def members(node, room):
    return {member["user"] for member in node.http.get(f"/rooms/{room}/presence").json()["members"]}


def test_a_message_is_heard_on_every_node_at_once(cluster, native, room, alice, bob):
    nodes = [cluster() for _ in range(3)]
    readers = [native(node, user=f"{bob}{number}") for number, node in enumerate(nodes)]
    for reader in readers:
        reader.join(room)
    author = native(nodes[0], user=alice)
    for number in range(20):
        begun = time.monotonic()
        author.publish(room, number)
        for reader in readers:
            assert reader.hear(room, 1, timeout=SOON)[0].payload["content"] == number
        assert time.monotonic() - begun < SOON * PATIENCE


def test_the_order_is_one_for_all_nodes(cluster, native, room, alice, bob):
    nodes = [cluster() for _ in range(2)]
    readers = [native(node, user=bob) for node in nodes]
    for reader in readers:
        reader.join(room)
    authors = [native(node, user=f"{alice}{number}") for number, node in enumerate(nodes)]
    for number in range(50):
        for author in authors:
            author.send("message", {"room": room, "content": number})
    heard = [[(frame.payload["seq"], frame["messageId"]) for frame in reader.hear(room, 100)] for reader in readers]
    assert heard[0] == heard[1]
    assert [seq for seq, _ in heard[0]] == list(range(1, 101))


def test_presence_is_the_union_of_all_nodes(cluster, native, room, alice, bob):
    first, second = cluster(), cluster()
    watcher = native(first, user=alice)
    watcher.join(room, presence=True)
    guest = native(second, user=bob)
    joined = guest.join(room, presence=True)
    assert {member["user"] for member in joined["members"]} == {alice, bob}
    assert watcher.expect("user_joined", timeout=SOON).payload["user"] == bob
    assert members(first, room) == members(second, room) == {alice, bob}
    guest.close()
    assert watcher.expect("user_left", timeout=SOON).payload["user"] == bob


def test_any_node_answers_for_all(cluster, native, room, alice):
    first, second = cluster(), cluster()
    client = native(first, user=alice)
    client.join(room)
    eventually(lambda: second.http.get(f"/users/{alice}").json().get("online"), what="the other node to see the user")
    eventually(lambda: members(second, room) == {alice}, what="the other node to see who is in the room")
    client.close()
    eventually(lambda: not second.http.get(f"/users/{alice}").json().get("online"), what="the user to be offline")


def test_the_users_of_a_killed_node_are_gone_within_ten_seconds(cluster, native, room, alice, bob):
    first, second = cluster(), cluster()
    watcher = native(first, user=alice)
    watcher.join(room, presence=True)
    native(second, user=bob).join(room)
    watcher.expect("user_joined", timeout=SOON)
    second.kill9()
    begun = time.monotonic()
    assert watcher.expect("user_left", timeout=10).payload["user"] == bob
    assert time.monotonic() - begun < 10 * PATIENCE
    eventually(lambda: not first.http.get(f"/users/{bob}").json().get("online"), what="the user to be offline")


def test_a_drained_nodes_users_are_not_seen_to_leave_if_they_come_back(cluster, native, room, alice, bob):
    first, second = cluster(), cluster()
    watcher = native(first, user=alice)
    watcher.join(room, presence=True)
    native(second, user=bob).join(room)
    watcher.expect("user_joined", timeout=SOON)
    assert second.stop() == 0
    back = native(first, user=bob)
    back.join(room)
    back.publish(room, "back")
    watcher.hear(room, 1)
    assert not watcher.waiting("user_left")
    assert members(first, room) == {alice, bob}


def test_personal_rooms_reach_the_user_wherever_it_is(cluster, native, alice):
    first, second = cluster(), cluster()
    client = native(first, user=alice)
    client.ping()
    eventually(lambda: second.http.get(f"/users/{alice}").json().get("online"), what="the user to be seen")
    answer = second.http.post("/messages", json=[{"room": f"user:{alice}", "content": "hello", "sender": "shop"}])
    assert answer.status_code == 200
    assert client.hear(f"user:{alice}", 1, timeout=SOON)[0].payload["content"] == "hello"


def test_participants_on_other_nodes_hear_of_a_new_room(cluster, native, alice, bob):
    first, second = cluster(), cluster()
    guest = native(second, user=bob)
    guest.ping()
    eventually(lambda: first.http.get(f"/users/{bob}").json().get("online"), what="the user to be seen")
    native(first, user=alice).request(
        "create_room", {"name": "team", "participants": [alice, bob], "visibility": "private"}, "room_created")
    created = guest.expect("room_created", timeout=SOON)
    assert set(participant_ids(created.payload["room"]["participants"])) == {alice, bob}


@pytest.mark.parametrize("trouble", ["killed", "frozen", "paused"])
def test_without_redis_every_node_serves_its_own_and_with_it_all_converges(
    cluster, redis, native, room, alice, bob, trouble
):
    first, second = cluster(), cluster()
    near, far = native(first, user=alice), native(second, user=bob)
    near.join(room, presence=True)
    far.join(room, presence=True)
    near.publish(room, 1)
    for reader in (near, far):
        reader.hear(room, 1)
    if trouble == "killed":
        redis.kill()
    elif trouble == "frozen":
        redis.freeze()
    else:
        redis.command("CLIENT", "PAUSE", "8000", "ALL")
    near.publish(room, 2)
    assert near.hear(room, 1, timeout=SOON)[0].payload["seq"] == 2
    # The other one finds it in the store.
    assert far.hear(room, 1, timeout=10)[0].payload["seq"] == 2
    eventually(
        lambda: not first.http.get("/health").json()["redis_connected"], timeout=10,
        what="the node to notice that Redis is away")
    assert first.http.get("/ready").status_code == 200
    far.publish(room, 3)
    if trouble == "killed":
        redis.start()
    elif trouble == "frozen":
        redis.thaw()
    for node in (first, second):
        eventually(
            lambda node=node: node.http.get("/health").json()["redis_connected"], timeout=20,
            what="the node to reach Redis again")
    far.publish(room, 4)
    assert [frame.payload["seq"] for frame in near.hear(room, 2)] == [3, 4]
    assert [frame.payload["seq"] for frame in far.hear(room, 2)] == [3, 4]
    for node in (first, second):
        eventually(lambda node=node: members(node, room) == {alice, bob}, what="presence to converge")
    # Nobody was seen to leave who was there all the time.
    assert not near.waiting("user_left") and not far.waiting("user_left")


def test_metrics_tell_what_went_over_the_bus(cluster, redis, native, room, alice, bob):
    first, second = cluster(), cluster()
    native(second, user=bob).join(room)
    author = native(first, user=alice)

    def bus(node, what):
        return metric(node, f"roost_bus_{what}")

    # Nodes talk of their leases, too: what is counted is at least what the test has caused.
    said, heard = bus(first, "published_total"), bus(second, "received_total")
    for number in range(10):
        author.publish(room, number)
    eventually(lambda: bus(first, "published_total") > said, what="the posts to be counted where they are made")
    eventually(lambda: bus(second, "received_total") > heard, what="the posts to be counted where they are heard")
    assert [bus(node, "connected") for node in (first, second)] == [1, 1]
    assert [bus(node, "reconnects_total") for node in (first, second)] == [0, 0]
    eventually(lambda: metric(first, "roost_nodes") == 2, what="the nodes to be counted")
    redis.kill()
    eventually(lambda: bus(first, "connected") == 0, timeout=10, what="the node to notice")
    redis.start()
    eventually(lambda: bus(first, "connected") == 1, timeout=20, what="the node to reach Redis again")
    assert bus(first, "reconnects_total") > 0


def metric(node, name):
    for line in node.http.get("/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"/metrics has no {name}")


def test_nodes_with_different_stores_refuse_to_be_one_cluster(cluster, redis, tmp_path):
    cluster()
    refused(redis.url, f"sqlite:{tmp_path}/other.db", "has a different store", "--store", "--bus")


@pytest.mark.parametrize("flags, words", [
    (["--requirepass", "secret"], ["asks for a password", "--bus"]),
    (["--replicaof", "127.0.0.1", "1"], ["replica", "--bus"]),
])
def test_a_redis_that_refuses_is_named_in_one_sentence(tmp_path, sqlite, flags, words):
    server = RedisServer(tmp_path, *flags) if flags[0] != "--requirepass" else Locked(tmp_path, *flags)
    try:
        refused(server.url, sqlite, *words)
    finally:
        server.stop()


def refused(bus, store, *words):
    """What `roost serve` says as it ends for something that is set wrong: one sentence with all the words, and no more,
    though what went well may have been logged before."""
    ended = run("serve", "--port", "0", "--bus", bus, "--store", store, timeout=20)
    assert ended.returncode == 78
    lines = [line for line in ended.stderr.splitlines() if not re.match(r"\S+ info roost: ", line)]
    assert len(lines) == 1 and lines[0].startswith("roost: "), ended.stderr
    for word in words:
        assert word in lines[0]
    return ended.stderr


@pytest.mark.parametrize("credentials", [":not-this-one@", "somebody:secret@"])
def test_wrong_credentials_are_named_in_one_sentence_that_does_not_tell_them(tmp_path, sqlite, credentials):
    server = Locked(tmp_path, "--requirepass", "secret")
    try:
        bus = server.url.replace("://", f"://{credentials}")
        sentence = refused(bus, sqlite, f"Redis at 127.0.0.1:{server.port}", "refuses the user or password of --bus")
        assert "secret" not in sentence and "not-this-one" not in sentence
    finally:
        server.stop()


class Locked(RedisServer):
    """One that wants a password, and says so to whoever asks whether it is there."""

    def _answers(self):
        try:
            return self.command("PING").startswith("-NOAUTH")
        except OSError:
            return False


def test_an_unreachable_redis_does_not_keep_a_node_from_starting(start_node, redis, sqlite, native, room):
    redis.kill()
    node = start_node("--bus", redis.url, store=sqlite)
    assert node.http.get("/health").json()["redis_connected"] is False
    # Said once, with what to do about it.
    (line,) = [line for line in node.stderr().splitlines() if "this node goes on alone" in line]
    assert f"Redis at 127.0.0.1:{redis.port} can't be reached" in line
    assert "See that it runs and that --bus names its host and port" in line
    client = native(node)
    client.join(room)
    client.publish(room, "alone")
    assert client.hear(room, 1)[0].payload["content"] == "alone"
    redis.start()
    eventually(
        lambda: node.http.get("/health").json()["redis_connected"], timeout=20, what="Redis to be reached")
