"""`roost bench` against a node: every kind of load, and what it finds fault with."""

import json
import subprocess

import pytest

from roost_node import binary, environment

LOADS = {
    "fanout": ("deliveries/s", ["--readers", "20", "--rooms", "3", "--in-flight", "4"]),
    "fanout-simple": ("deliveries/s", ["--readers", "20", "--dialect", "simple"]),
    "fanout-paced": ("behind schedule p99", ["--readers", "20", "--rate", "50"]),
    "store": ("acked messages/s", ["--publishers", "5", "--rooms", "2"]),
    "store-paced": ("ack latency p99", ["--publishers", "5", "--rooms", "2", "--rate", "100"]),
    "idle": ("server RSS per connection", ["--connections", "50"]),
    "find-limit": ("server's event loops", ["--readers", "20", "--p99", "50"]),
    "churn": ("cycles/s", ["--connections", "10"]),
}


def bench(*args):
    return subprocess.run([binary(), "bench", *args], env=environment(), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", LOADS)
def test_loads(start_node, name):
    node = start_node("--rate-limit-messages", "0", "--rate-limit-connects", "0")
    figure, args = LOADS[name]
    done = bench(name.removesuffix("-simple").removesuffix("-paced"), "--url", node.url, "--pid", str(node.process.pid), "--json", "--seconds", "1", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["faults"] == []
    figures = {f["name"]: f["value"] for f in report["figures"]}
    assert figures[figure] >= 0 and len(figures) > 3


def test_fanout_in_a_room_that_is_there_already(start_node, native):
    node = start_node("--rate-limit-messages", "0", "--rate-limit-connects", "0")
    native(node).publish("old-0", "what was said before")
    done = bench("fanout", "--url", node.url, "--readers", "5", "--seconds", "1", "--name", "old")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = node.http.get("/rooms/old-0/messages", params={"after": 0, "limit": 2}).json()
    assert first["content"] == "what was said before" and second["seq"] == 2
    assert second["content"].startswith("@@000000000001@")


def test_nobody_there():
    done = bench("fanout", "--url", "ws://127.0.0.1:1", "--seconds", "1")
    assert done.returncode == 1
    assert "can't be reached" in done.stderr


def test_limits_are_explained(start_node):
    node = start_node("--rate-limit-messages", "1", "--rate-limit-burst", "1")
    done = bench("store", "--url", node.url, "--publishers", "1", "--rooms", "1", "--seconds", "1")
    assert done.returncode == 1
    assert "--rate-limit-messages 0" in done.stderr


def test_bad_arguments():
    for args in (["fanout", "--readers", "0"], ["fanout", "--url", "wss://127.0.0.1:1"], ["store", "--in-flight", "0"]):
        assert bench(*args).returncode != 0
