"""Limits that hold over all nodes of a cluster (contract, section 5)."""

import subprocess
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

from checks import PATIENCE, eventually
from roost_clients import NativeClient

RATE, BURST = 10, 20
# So much a node may have left.
BLOCK = max(1, RATE // 8)


@pytest.fixture
def limited(cluster):
    """Nodes that let a user send little, so that a slow machine is fast enough to send more."""
    flags = ["--rate-limit-messages", str(RATE), "--rate-limit-burst", str(BURST)]

    def start(count):
        return [cluster(*flags) for _ in range(count)]

    return start


class Talker(threading.Thread):
    """Somebody who sends faster than allowed, and is told so now and then; counts what was taken."""

    def __init__(self, node, user, room, until):
        super().__init__(daemon=True)
        self.client = NativeClient(node, user=user)
        self.room, self.until = room, until
        self.acked = self.refused = 0

    def run(self):
        try:
            while time.monotonic() < self.until:
                message = self.client.send("message", {"room": self.room, "content": "x"})
                reply = self.client.reply(message)
                while reply["type"] == "error" and time.monotonic() < self.until:
                    assert reply.payload["code"] == "rate_limited", reply
                    self.refused += 1
                    # The time that it was asked for, no less.
                    threading.Event().wait(reply.payload["retryAfterMs"] / 1000)
                    self.client.send("message", {"room": self.room, "content": "x"}, message)
                    reply = self.client.reply(message)
                self.acked += reply["type"] == "ack"
        except ConnectionClosed:
            pass
        finally:
            self.client.close()


def taken(nodes, user, room, seconds):
    """How many messages of one user, with a connection to each node, are taken in that time."""
    begun = time.monotonic()
    talkers = [Talker(node, user, room, begun + seconds) for node in nodes]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join(60 * PATIENCE)
        assert not talker.is_alive()
    assert all(talker.refused for talker in talkers), "nobody was limited"
    return sum(talker.acked for talker in talkers), time.monotonic() - begun


def commands(redis, name):
    """How often Redis was given a command."""
    listed = subprocess.run(
        ["redis-cli", "-p", str(redis.port), "INFO", "commandstats"], capture_output=True, text=True, check=True).stdout
    line = next((line for line in listed.splitlines() if line.startswith(f"cmdstat_{name}:")), "calls=0,")
    return int(line.split("calls=")[1].split(",")[0])


def test_a_user_on_three_nodes_has_one_limit(limited, room, alice):
    """`--rate-limit-messages`: per user, over all nodes, but for what each node lets burst before it knows of the others"""
    nodes = limited(3)
    count, time_taken = taken(nodes, alice, room, 5)
    assert count <= len(nodes) * (BURST + BLOCK) + RATE * time_taken
    # By itself each node would have let through three times as many.
    assert count >= 0.6 * (BURST + RATE * 5)


def test_a_burst_on_one_node_waits_for_nobody(cluster, native, room, alice):
    """what the limits allow at once is taken at once, whatever Redis has answered by then"""
    node = cluster("--rate-limit-messages", "200", "--rate-limit-burst", "1000")
    client = native(node, user=alice)
    ids = [client.send("message", {"room": room, "content": number}) for number in range(900)]
    assert {client.reply(id)["type"] for id in ids} == {"ack"}


def test_others_are_not_concerned(limited, room, alice, bob, native):
    nodes = limited(2)
    other = native(nodes[0], user=bob)
    taken(nodes, alice, room, 2)
    for number in range(BURST // 2):
        other.publish(room, number)


def test_messages_do_not_wait_for_redis_and_idle_users_cost_nothing(cluster, redis, native, room, alice):
    """a node leases a block ahead: no round trip per message"""
    node = cluster("--rate-limit-messages", "1000", "--rate-limit-burst", "2000")
    idle = [native(node, user=f"{alice}{number}") for number in range(5)]
    client = native(node, user=alice)
    client.ping()
    eventually(lambda: node.http.get(f"/users/{alice}").json()["online"], what="the user to be there")
    before = commands(redis, "evalsha")
    for number in range(600):
        client.publish(room, number)
    # The lease, boards and presence are renewed by scripts as well, a few a second.
    assert commands(redis, "evalsha") - before < 100
    for each in idle:
        each.ping()


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
def test_without_redis_each_node_keeps_the_limit_by_itself(limited, redis, room, alice, trouble):
    """Redis away: messages are taken, and each node limits them"""
    nodes = limited(2)
    redis.kill() if trouble == "killed" else redis.freeze()
    for node in nodes:
        eventually(
            lambda node=node: not node.http.get("/health").json()["redis_connected"], timeout=20,
            what="the loss to be noticed")
    count, time_taken = taken(nodes, alice, room, 3)
    assert count <= 2 * (BURST + RATE * time_taken + 2)
    assert count >= 0.6 * 2 * (BURST + RATE * 3)
