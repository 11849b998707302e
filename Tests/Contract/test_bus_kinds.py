"""Nodes over the other kinds of Redis that `--bus` names: Redis Cluster and Sentinel (contract, section 1)."""

import subprocess
import time
from contextlib import ExitStack

import pytest

from checks import PATIENCE, eventually
from redis_server import RedisServer, free_port

# Without the bus a node looks at the shared file every two seconds: what is heard sooner came over the bus.
SOON = 1.0


@pytest.fixture
def servers(tmp_path):
    """Starts a Redis of its own folder."""
    with ExitStack() as stack:
        started = []

        def start(*args):
            folder = tmp_path / f"redis{len(started)}"
            folder.mkdir()
            started.append(RedisServer(folder, *args))
            stack.callback(started[-1].stop)
            return started[-1]

        yield start


@pytest.fixture
def redis_cluster(servers):
    """Redis Cluster of three masters."""
    ports = [free_port() for _ in range(3)]
    masters = [
        servers("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", str(port))
        for port in ports
    ]
    for index, master in enumerate(masters):
        first, last = 16384 * index // 3, 16384 * (index + 1) // 3 - 1
        assert master.command("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "+OK"
        assert master.command("CLUSTER", "SET-CONFIG-EPOCH", str(index + 1)) == "+OK"
        if index:
            met = master.command("CLUSTER", "MEET", "127.0.0.1", str(masters[0].port), str(ports[0]))
            assert met == "+OK"

    def is_whole(master):
        info = master.command("CLUSTER", "INFO")
        return all(word in info for word in ("cluster_state:ok", "cluster_known_nodes:3", "slots_assigned:16384"))

    for master in masters:
        eventually(lambda: is_whole(master), timeout=30, what="Redis Cluster to be whole")
    return masters


@pytest.fixture
def sentinel(servers, tmp_path):
    """A master, a replica and the Sentinel that watches them."""
    master = servers()
    replica = servers("--replicaof", "127.0.0.1", str(master.port))
    eventually(
        lambda: "master_link_status:up" in replica.command("INFO", "replication"), timeout=30,
        what="the replica to follow")
    file = tmp_path / "sentinel.conf"
    file.write_text(
        f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds main 500\n"
        "sentinel failover-timeout main 2000\n")
    watcher = servers(str(file), "--sentinel")
    eventually(
        lambda: f"slave0:ip=127.0.0.1,port={replica.port}" in master.command("INFO", "replication")
        and "slaves=1" in watcher.command("INFO", "sentinel"), timeout=30, what="the Sentinel to know the replica")
    return watcher, master


@pytest.fixture
def two_nodes(start_node, sqlite):
    """Starts two nodes on one file, once both are connected to the bus."""

    def start(bus):
        nodes = [start_node("--rate-limit-messages", "0", "--bus", bus, store=sqlite) for _ in range(2)]
        for node in nodes:
            eventually(lambda: node.http.get("/health").json()["redis_connected"], what="the node to reach Redis")
        return nodes

    return start


def test_over_redis_cluster_nodes_are_one_system(redis_cluster, two_nodes, native, name, alice, bob):
    # A host that is not there is passed over.
    hosts = ",".join(f"127.0.0.1:{port}" for port in (free_port(), redis_cluster[1].port))
    first, second = two_nodes(f"redis+cluster://{hosts}")
    author, reader = native(first, user=alice), native(second, user=bob)
    # So many rooms that no shard is without any.
    rooms = [name(f"room{number}") for number in range(12)]
    for room in rooms:
        author.join(room)
        reader.join(room, presence=True)
    for room in rooms:
        author.publish(room, "hello")
        assert reader.hear(room, 1, timeout=SOON)[0].payload["content"] == "hello"
        assert {member["user"] for member in second.http.get(f"/rooms/{room}/presence").json()["members"]} == {
            alice, bob}
    author.close()
    for _ in rooms:
        assert reader.expect("user_left", timeout=SOON).payload["user"] == alice


def test_while_slots_move_and_a_shard_dies_everybody_hears_everything(
    redis_cluster, two_nodes, native, name, alice, bob
):
    first, second = two_nodes(f"redis+cluster://127.0.0.1:{redis_cluster[1].port}")
    author, reader = native(first, user=alice), native(second, user=bob)
    rooms = [name(f"room{number}") for number in range(12)]
    for room in rooms:
        author.join(room)
        reader.join(room, presence=True)
    said = 0

    def all_are_heard(timeout):
        """Says something in each room; how long it takes until all of it is heard, in seconds."""
        nonlocal said
        begun, said = time.monotonic(), said + 1
        for room in rooms:
            author.publish(room, said)
        for room in rooms:
            (message,) = reader.hear(room, 1, timeout=timeout)
            assert (message.payload["seq"], message.payload["content"]) == (said, said)
        return time.monotonic() - begun

    giver, taker = redis_cluster[0], redis_cluster[1]
    moving = subprocess.Popen(
        ["redis-cli", "--cluster", "reshard", f"127.0.0.1:{giver.port}",
         "--cluster-from", giver.command("CLUSTER", "MYID"), "--cluster-to", taker.command("CLUSTER", "MYID"),
         "--cluster-slots", "5461", "--cluster-yes"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while moving.poll() is None:
            all_are_heard(timeout=10)
        assert moving.returncode == 0
    finally:
        moving.kill()
        moving.wait()
    assert said > 1, "nothing was said while the slots moved"
    eventually(lambda: all_are_heard(10) < SOON * PATIENCE, timeout=20, what="all to go over the bus again")
    # With two thirds of the rooms.
    taker.kill()
    all_are_heard(timeout=20)
    taker.start()
    for master in redis_cluster:
        eventually(lambda: "cluster_state:ok" in master.command("CLUSTER", "INFO"), timeout=30, what="all shards")
    for node in (first, second):
        eventually(
            lambda: node.http.get("/health").json()["redis_connected"], timeout=30, what="the node to reach all shards")
    eventually(lambda: all_are_heard(10) < SOON * PATIENCE, timeout=30, what="all to go over the bus again")
    assert not reader.waiting("user_left")


def test_over_sentinel_nodes_follow_to_the_new_master(sentinel, two_nodes, native, room, alice, bob):
    watcher, master = sentinel
    first, second = two_nodes(f"redis+sentinel://127.0.0.1:{watcher.port}/main")
    author, reader = native(first, user=alice), native(second, user=bob)
    author.join(room)
    reader.join(room, presence=True)
    author.publish(room, "before")
    assert reader.hear(room, 1, timeout=SOON)[0].payload["content"] == "before"
    master.kill()
    author.publish(room, "meanwhile")
    # Found in the store, or told by the new master, whichever is first.
    assert reader.hear(room, 1, timeout=20)[0].payload["content"] == "meanwhile"

    def address():
        return watcher.command("INFO", "sentinel")

    eventually(lambda: f"address=127.0.0.1:{master.port}" not in address(), timeout=30, what="the Sentinel to promote")
    for node in (first, second):
        eventually(
            lambda: node.http.get("/health").json()["redis_connected"], timeout=30, what="the node to find the master")
    for number in range(20):
        author.publish(room, number)
        assert reader.hear(room, 1, timeout=SOON)[0].payload["content"] == number
    assert not reader.waiting("user_left")
