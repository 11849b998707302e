"""Redis and nodes that are one system, with a place for one node more than there are."""

import contextlib
import random
import sys

from checks import eventually
from redis_server import RedisServer, free_port
from roost_clients import NativeClient
from roost_node import Node

PLACES = 4
# Behind a load balancer all clients have its address, so that connects are limited there.
FLAGS = ["--rate-limit-messages", "0", "--rate-limit-connects", "0", "--drain-window", "2s"]


class Cluster:
    """Nodes at fixed addresses, `nodes[0]` to `nodes[3]`; None where there is none."""

    def __init__(self, directory, nodes=3, store=None, env=None):
        self.directory, self.env = directory, env
        self.store = store or f"sqlite:{directory}/roost.db"
        # An address of this cluster's own, where the system has more than one: else somebody else's server might be given
        # the port of a node that was killed, and the load balancer would take it for that node.
        self.host = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.1" if sys.platform == "linux" else "127.0.0.1"
        self.ports = [free_port() for _ in range(PLACES)]
        self.nodes = [None] * PLACES
        self.marks = [None] * PLACES
        self.redis = RedisServer(directory)
        try:
            for place in range(nodes):
                self.start(place)
        except BaseException:
            self.stop()
            raise

    @property
    def addresses(self):
        return [f"{self.host}:{port}" for port in self.ports]

    def start(self, place, *flags, marked=True):
        """Starts the node of a place; it is ready and connected to Redis when it is returned.

        - marked: whether it is given a client of its own, by which answers that have come over a load balancer are known
          for this node's."""
        node = self.launch(place, *flags)
        eventually(lambda: node.http.get("/ready").status_code == 200, 20, what="the node to be ready")
        eventually(lambda: node.http.get("/health").json()["redis_connected"], 20, what="the node to reach Redis")
        self.marks[place] = NativeClient(node) if marked else None
        return node

    def launch(self, place, *flags):
        """Starts the node of a place; it listens when it is returned, and nobody has asked it for anything."""
        self.nodes[place] = Node(
            self.directory, "--host", self.host, "--bus", self.redis.url, *FLAGS, *flags, store=self.store, env=self.env,
            port=self.ports[place])
        return self.nodes[place]

    def drain(self, place):
        """Asks the node to end, and waits until it has; its place is free then, however it ended."""
        node = self.nodes[place]
        self.nodes[place] = self.marks[place] = None
        code = node.stop()
        assert code == 0, f"the node ended with {code}"

    def restart(self, place, *flags):
        self.drain(place)
        return self.start(place, *flags)

    def kill(self, place):
        """As a power cut would."""
        self.nodes[place].kill9()
        self.nodes[place] = self.marks[place] = None

    def place_of(self, health):
        """The place of the node that has said this of itself."""
        clients = set(health.json()["active_clients"])
        (place,) = [place for place, node in enumerate(self.nodes)
                    if self.marks[place] and self.marks[place].welcome["payload"]["clientId"] in clients]
        return place

    def place_of_client(self, client_id):
        """The place of the node that this WebSocket is connected to."""
        (place,) = [place for place, node in enumerate(self.nodes)
                    if node and client_id in node.http.get("/health").json()["active_clients"]]
        return place

    def stop(self):
        """Ends all of it, whatever cannot be ended."""
        with contextlib.ExitStack() as parts:
            parts.callback(self.redis.stop)
            for place, node in enumerate(self.nodes):
                if node:
                    parts.callback(self.kill, place)
