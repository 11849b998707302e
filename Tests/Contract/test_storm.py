"""A storm of reconnects, with `roost bench storm` as the clients (contract, sections 2 and 3).

2,000 clients are dropped, miss 500 messages each and come back at once: to a node that still has those messages in
memory, and to one that was killed and started again, so that it must read them from the store."""

import json
import os
import resource
import subprocess

import pytest

from checks import PATIENCE
from roost_node import Node, binary, environment

pytestmark = pytest.mark.alone

CLIENTS, ROOMS, MESSAGES = 2000, 20, 500
# Seconds until everybody is live again: with a release build, which CONTRACT_RELEASE=1 says that this is; and with one
# that is not optimised, where the figure says little and only what is far off is a fault.
WITHIN = 5 if os.environ.get("CONTRACT_RELEASE") else 30
LOOPS = 2
FLAGS = ["--loops", str(LOOPS), "--rate-limit-messages", "0", "--rate-limit-connects", "0"]


@pytest.fixture(autouse=True, scope="module")
def open_files():
    """As many open files as the system allows, for the node and the clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def bench(node, *args):
    """Runs `roost bench storm` against the node; returns what it printed."""
    command = [binary(), "bench", "storm", "--url", node.url, "--pid", str(node.process.pid), "--json",
               "--within", str(int(60 * PATIENCE)), *args]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300 * PATIENCE)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{node.stderr()[-2000:]}"
    return done.stdout


def prepare(node, state, *args):
    bench(node, "--phase", "prepare", "--state", state, "--clients", str(CLIENTS), "--rooms", str(ROOMS),
          "--messages", str(MESSAGES), *args)


def resume(node, state):
    """The storm; returns its figures by name."""
    report = json.loads(bench(node, "--phase", "resume", "--state", state))
    print("\n" + report["title"])
    for figure in report["figures"]:
        print(f"  {figure['name']}: {figure['value']} {figure['unit']}")
    assert report["faults"] == []
    return {figure["name"]: figure["value"] for figure in report["figures"]}


class Storms:
    """The same storm twice: onto the node that was there, and onto the next one after kill -9."""

    def __init__(self, directory, *args):
        store, state = f"sqlite:{directory}/storm.db", f"{directory}/state.json"
        node = Node(directory, *FLAGS, store=store)
        try:
            prepare(node, state, *args)
            self.warm = resume(node, state)
            # The storm has left a message in each room.
            prepare(node, state, *args)
            node.kill9()
            node = Node(directory, *FLAGS, store=store)
            self.cold = resume(node, state)
            self.end = node.stop()
        finally:
            node.kill9()


@pytest.fixture(scope="module", params=[[], ["--staggered"]], ids=["together", "staggered"])
def storms(request, tmp_path_factory):
    return Storms(tmp_path_factory.mktemp("storm"), *request.param)


@pytest.fixture(params=["warm", "cold"])
def storm(storms, request):
    """Onto a node that has what was missed in memory, and onto one that has nothing there."""
    return getattr(storms, request.param)


def test_everybody_is_live_again_in_time(storm):
    """2,000 clients reconnect at once and resume 500 messages each: everybody is live again within 5 s (of a release
    build)"""
    assert storm["all live again after"] <= WITHIN * PATIENCE


def test_nobody_hears_a_duplicate(storm):
    """`joined …`, then what was missed, in order, then live: no gap, no duplicate"""
    assert [storm[name] for name in ("duplicates", "holes", "out of order", "not recovered")] == [0, 0, 0, 0]


def test_what_is_in_memory_is_not_read_from_the_store(storms):
    """What was said lately is not read from the store."""
    assert storms.warm["reads of the log"] == 0


def test_the_store_is_read_a_few_times_per_block(storms):
    """the store is read at most a few times per block, however many clients want it: once by each event loop, and once
    more where the log's end has moved"""
    assert storms.cold["reads of the log"] > 0
    assert storms.cold["reads per block"] <= LOOPS + 1


def test_the_node_ends_well(storms):
    """SIGTERM … exit 0"""
    assert storms.end == 0
