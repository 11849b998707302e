#!/usr/bin/env python3
"""Redis, three nodes on one SQLite file and HAProxy on loopback: to look at, or (--script) told in a few lines.

    ROOST_BIN=… Scripts/demo-cluster.py            a page that shows which node each window is on; Ctrl-C ends all
    ROOST_BIN=… Scripts/demo-cluster.py --script   stickiness on and off, a node that is killed, the messages lost (0)

Exits 1 if --script has lost a message or heard one twice. What is stored goes with the demonstration.
"""

import argparse
import asyncio
import collections
import functools
import http.server
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from urllib.parse import urlencode

import requests
from websockets.exceptions import WebSocketException

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "Tests" / "Contract"), str(ROOT / "Tests" / "Deploy")]

from balancers import HAProxy  # noqa: E402
from checks import read_backwards  # noqa: E402
from cluster import Cluster  # noqa: E402
from crowd import Crowd, Fault, story  # noqa: E402

NODES = 3
ROOM = "demo"


def say(text=""):
    print(text, flush=True)


def balancer(cluster, folder, sticky):
    """One of the two before the same nodes. Its seconds are shortened, so that there is something to see."""
    short = {"LB_CHECK_INTERVAL": "1s", "LB_CHECK_TIMEOUT": "1s"}
    return HAProxy(folder / f"sticky-{sticky}", cluster.addresses, LB_STICKY=sticky, **short)


def script(cluster, sticky, loose):
    """Says what stickiness does and what a killed node costs; whether nothing was lost."""
    for balancer, word in ((sticky, "on"), (loose, "off")):
        say(f"stickiness {word}: ten requests of each of three clients met")
        for client in range(1, 4):
            session = requests.Session()
            met = collections.Counter(
                cluster.place_of(session.get(balancer.url + "/health", timeout=10)) + 1 for _ in range(10))
            say(f"  client {client}: " + ", ".join(f"node {place} {times} times" for place, times in sorted(met.items())))
    say()
    crowd = Crowd(loose.socket_url, ROOM, publishers=6, readers=12, rate=10)

    def kill():
        connected = [node.http.get("/health").json()["connections"] - 1 for node in cluster.nodes[:NODES]]
        say("18 clients talk; connected to nodes 1, 2, 3: " + ", ".join(map(str, connected)))
        cluster.kill(0)
        say("node 1 was killed")

    def start():
        cluster.start(0)
        say("node 1 is back")

    try:
        asyncio.run(crowd.during(story([(2, kill), (4, start), (6, crowd.await_return)])))
    except Fault as fault:
        say(f"a promise was broken: {fault}")
        return False
    log = [(entry["seq"], entry["messageId"]) for entry in read_backwards(cluster.nodes[1].http, ROOM)]
    account = crowd.account(log)
    say(f"{account.acked} messages were acked, and sent again {account.repeated} times; "
        f"clients came back {account.resumed} times")
    say(f"messages lost: {account.lost}")
    say(f"messages heard twice: {account.doubled}")
    for problem in account.problems:
        say(f"  {problem}")
    return not account.problems


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def look(cluster, sticky, loose, opens):
    """Serves the page and does what is typed until the input or the patience ends."""
    handler = functools.partial(Quiet, directory=str(ROOT / "Examples"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        nodes = [("node", f"http://{address}") for address in cluster.addresses[:NODES]]
        pages = {
            balancer: f"http://127.0.0.1:{site.server_port}/cluster/?" + urlencode([("server", balancer.url), *nodes])
            for balancer in (loose, sticky)}
        say("Open this in several windows; each shows the node that it is connected to:")
        say(f"  {pages[loose]}")
        say("The same with stickiness, where all windows of a browser are led to one node:")
        say(f"  {pages[sticky]}")
        say(f"The chat: {loose.url}    HAProxy's view of the nodes: http://{loose.watch}")
        say("Type `kill 1`, `drain 1` or `start 1`, for nodes 1 to 3. Ctrl-C ends it.")
        if opens and (opener := shutil.which("xdg-open") or shutil.which("open")):
            subprocess.Popen([opener, pages[loose]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for line in sys.stdin:
            obey(cluster, line.split())
        signal.pause()


def obey(cluster, words):
    if len(words) != 2 or words[0] not in ("kill", "drain", "start") or words[1] not in ("1", "2", "3"):
        return say("kill, drain or start, and 1, 2 or 3; Ctrl-C ends it.")
    place = int(words[1]) - 1
    if (cluster.nodes[place] is None) != (words[0] == "start"):
        return say(f"node {words[1]} is {'not there' if cluster.nodes[place] is None else 'there'}")
    try:
        getattr(cluster, words[0])(place)
    except (AssertionError, OSError, WebSocketException) as trouble:
        # What a node has logged comes behind it.
        return say(f"{words[0]} {words[1]}: {str(trouble).partition('; it logged')[0].strip()}")
    say(f"{words[0]} {words[1]}: done")


def main():
    parser = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    parser.add_argument("--script", action="store_true", help="tell it in a few lines, and end")
    parser.add_argument("--no-open", action="store_true", help="open no browser")
    chosen = parser.parse_args()
    # Whoever ends this program, or closes its window, ends what it has started; also where a shell has started it in the
    # background, which switches Ctrl-C off.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="roost-demo-") as folder:
        running = []
        try:
            running.append(cluster := Cluster(pathlib.Path(folder), NODES))
            for sticky in ("on", "off"):
                running.append(balancer(cluster, pathlib.Path(folder), sticky))
            if chosen.script:
                return 0 if script(*running) else 1
            look(*running, opens=not chosen.no_open)
        except KeyboardInterrupt:
            say("\nThat was it.")
        finally:
            for part in reversed(running):
                part.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
