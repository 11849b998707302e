"""The load balancers as Deploy configures them, on loopback, with the addresses and seconds of a test."""

import os
import pathlib
import re
import signal
import subprocess

import requests

from certificates import trust
from checks import PATIENCE, eventually
from redis_server import free_port
from roost_node import Http

DEPLOY = pathlib.Path(__file__).parents[2] / "Deploy"
# HAProxy's and nginx's own programs are in /usr/sbin on Debian, which users' paths need not have.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Balancer:
    """What clients connect to in place of a node, with a pair of `tls` files over TLS; `variables` are those of the
    configuration (LB_STICKY and so on)."""

    def __init__(self, directory, nodes, tls=None, **variables):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        # What clients connect with, as nodes have it; None: plainly.
        self.trust = trust(tls) if tls else None
        if tls:
            (directory / "tls.pem").write_text(tls.cert.read_text() + tls.key.read_text())
            variables["LB_TLS"] = str(directory / "tls.pem")
        self.port = free_port()
        self.environment = {"PATH": PATH, "LB_BIND": f"127.0.0.1:{self.port}"}
        self.environment |= {f"LB_NODE_{number}": address for number, address in enumerate(nodes, 1)}
        self.environment |= variables
        self.prepare()
        self.process = self.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.socket_url = self.url.replace("http", "ws", 1)
        self.http = Http(self.url)
        self.http.session.verify = str(tls.root) if tls else True
        try:
            eventually(self.listens, timeout=10, what=f"{self.directory.name} to listen")
        except BaseException:
            self.stop()
            raise

    def prepare(self):
        """What has to be there before it can start."""

    def start(self, *arguments):
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen(
                [*self.command(), *arguments], env=self.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def reload(self, nodes):
        """Goes on before other nodes, as it is done to a load balancer that runs; what it has open may stay."""
        self.environment |= {f"LB_NODE_{number}": address for number, address in enumerate(nodes, 1)}
        self.prepare()

    def listens(self):
        assert self.process.poll() is None, f"the load balancer has ended:\n{self.log()}"
        try:
            # Not by `http`, which would keep the cookie that it is given.
            requests.get(self.url + "/health", timeout=5 * PATIENCE, verify=self.http.session.verify)
        except requests.ConnectionError:
            return False
        return True

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def stop(self):
        """At once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class HAProxy(Balancer):
    def __init__(self, directory, nodes, config="haproxy.cfg", **variables):
        self.config = config
        # The process that a reload has left behind.
        self.before = None
        # As often while checks say other than before.
        variables.setdefault("LB_CHECK_AGAIN", variables.get("LB_CHECK_INTERVAL", "2s"))
        self.watch = f"127.0.0.1:{free_port()}"
        super().__init__(directory, nodes, LB_WATCH=self.watch, **variables)

    def command(self):
        return ["haproxy", "-f", str(DEPLOY / self.config)]

    def reload(self, nodes):
        super().reload(nodes)
        before, self.process = self.process, self.start("-sf", str(self.process.pid))
        self.before = before
        eventually(lambda: f"({before.pid}) : Proxy clients stopped" in self.log(), what="the process before to let go")

    def stop(self):
        super().stop()
        if self.before:
            self.before.kill()
            self.before.wait()

    def up(self):
        """The names of the nodes that are taken, as Prometheus is told."""
        text = requests.get(f"http://{self.watch}/metrics", params={"scope": "server"}, timeout=5 * PATIENCE).text
        states = re.findall(r'haproxy_server_status\{proxy="requests",server="([^"]+)",state="UP"\} (\d)', text)
        return {name for name, is_up in states if is_up == "1"}


class Nginx(Balancer):
    def prepare(self):
        self.environment |= {"LB_RUN": str(self.directory), "LB_TEMP": str(self.directory), "LB_FILES": "1000"}
        made = subprocess.run([DEPLOY / "nginx.sh"], env=self.environment, capture_output=True, text=True, check=True)
        self.file = self.directory / "nginx.conf"
        self.file.write_text(made.stdout)

    def reload(self, nodes):
        super().reload(nodes)
        self.process.send_signal(signal.SIGHUP)

    def command(self):
        # Workers write larger bodies into a directory of the test, which is nobody's but the user's whose tests these are.
        user = " user root;" if os.geteuid() == 0 else ""
        return ["nginx", "-e", "stderr", "-p", str(self.directory), "-c", str(self.file), "-g", f"daemon off;{user}"]
