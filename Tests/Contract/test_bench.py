"""`roost bench` against a node: every kind of load, and what it finds fault with."""

import json
import subprocess
import xml.etree.ElementTree

import pytest

from faulty_server import FaultyServer
from roost_node import binary, environment

pytestmark = pytest.mark.alone

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
    for args in (["fanout", "--readers", "0"], ["fanout", "--url", "wss://127.0.0.1:1"], ["store", "--in-flight", "0"],
                 ["fanout", "--rooms", "60", "--readers", "1001"], ["storm", "--rooms", "3", "--clients", "2"],
                 ["storm", "--phase", "prepare", "--state", "a", "--plot", "b"], ["echo", "--seconds", "ten"]):
        done = bench(*args)
        assert done.returncode != 0
        assert len(done.stderr.splitlines()) == 1


def test_bounds_are_told():
    assert "1 to 60000" in bench("fanout", "--readers", "0").stderr
    assert "17 to 1000000" in bench("echo", "--size", "x").stderr


# What must be told of each fault: how many were lost, and how many came doubled or out of order.
FAULTS = {None: (0, 0), "double": (0, 1), "drop": (1, 0), "drop the last": (1, 0), "swap": (0, 1), "renumber": (1, 1)}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault):
    """'Everything that is heard is checked: exits 1 if something was lost, doubled or out of order.'"""
    with FaultyServer(fault) as server:
        done = bench("fanout", "--url", server.url, "--dialect", "pubsub", "--readers", "8", "--in-flight", "16",
                     "--size", "64", "--seconds", "1", "--json")
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        assert server.done.is_set() == (fault is not None), "the server never came to its fault"
    figures = {f["name"]: f["value"] for f in report["figures"]}
    assert (figures["lost"], figures["doubled or out of order"]) == FAULTS[fault]
    assert done.returncode == (0 if fault is None else 1)
    assert len(report["faults"]) == sum(count > 0 for count in FAULTS[fault])


def test_all_doubled():
    with FaultyServer("send all again") as server:
        done = bench("fanout", "--url", server.url, "--dialect", "pubsub", "--readers", "8", "--in-flight", "16",
                     "--size", "64", "--seconds", "1", "--json")
        figures = {f["name"]: f["value"] for f in json.loads(done.stdout)["figures"]}
        assert figures["lost"] == 0 and figures["doubled or out of order"] >= 3 and done.returncode == 1


@pytest.mark.parametrize("fault, missing, again", [(None, 0, 0), ("double", 0, 1), ("drop", 1, 0)])
def test_faults_of_acks_are_found(fault, missing, again):
    with FaultyServer(fault, acks=True) as server:
        done = bench("store", "--url", server.url, "--publishers", "3", "--rooms", "1", "--seconds", "1", "--json")
        assert done.stdout, done.stderr
        assert server.done.is_set() == (fault is not None), "the server never came to its fault"
    figures = {f["name"]: f["value"] for f in json.loads(done.stdout)["figures"]}
    assert (figures["never acked"], figures["acked again or unasked"]) == (missing, again)
    assert done.returncode == (0 if fault is None else 1)


def test_server_that_leaves():
    """The end of a connection is heard also where it comes together with messages."""
    with FaultyServer("leave") as server:
        done = bench("fanout", "--url", server.url, "--dialect", "pubsub", "--readers", "8", "--in-flight", "16",
                     "--size", "64", "--seconds", "30")
        assert server.done.is_set()
    assert done.returncode == 1 and "a connection was closed: the server closed it" in done.stderr


PLOTS = {
    "fanout": ["--readers", "20"],
    "store": ["--publishers", "5", "--rooms", "2"],
    "echo": ["--connections", "5"],
    "churn": ["--connections", "5"],
    "storm": ["--clients", "20", "--rooms", "2", "--messages", "20"],
    "find-limit": ["--readers", "20", "--p99", "50"],
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots(start_node, tmp_path, name):
    node = start_node("--rate-limit-messages", "0", "--rate-limit-connects", "0", "--conformance")
    folder = tmp_path / "pictures"
    folder.mkdir()
    plot = folder / "plot.svg"
    done = bench(name, "--url", node.url, "--seconds", "1", "--plot", str(plot), *PLOTS[name])
    assert done.returncode == 0, done.stdout + done.stderr
    picture = xml.etree.ElementTree.parse(plot).getroot()
    text = " ".join(picture.itertext())
    assert done.stdout.splitlines()[0] in text
    assert f"roost bench {name} --url" in text and node.url in text and "UTC" in text
    assert "nothing was measured" not in text
    assert [path.name for path in folder.iterdir()] == ["plot.svg"]


def test_plot_that_cannot_be_written(tmp_path):
    """It is said before the run begins: there is no server to begin one with."""
    done = bench("fanout", "--url", "ws://127.0.0.1:1", "--plot", str(tmp_path / "none" / "plot.svg"))
    assert done.returncode == 1
    assert "plot.svg" in done.stderr and "No such file or directory" in done.stderr
    assert "reached" not in done.stderr
