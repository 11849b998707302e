"""What the files say where no variable is set, and what the variables do that other tests do not set."""

import csv
import re
import subprocess

import pytest
import requests

from balancers import DEPLOY, PATH, HAProxy, Nginx
from checks import PATIENCE, assert_problem, eventually, let_pass
from contract import start_node  # noqa: F401
from test_balancers import client, fresh  # noqa: F401
from test_forwarding import site  # noqa: F401

PLACES = {f"127.0.0.1:{port}" for port in (8081, 8082, 8083, 8084)}
CONFIGS = ["haproxy.cfg", "haproxy-planes.cfg"]


@pytest.fixture
def front(tmp_path):
    """Starts a load balancer: front(Nginx, nodes, LB_BODY="1k", …)."""
    running = []

    def start(kind, nodes=(), **variables):
        running.append(kind(tmp_path / f"balancer-{len(running)}", nodes, **variables))
        return running[-1]

    yield start
    for balancer in running:
        balancer.stop()


def said_by_haproxy(config):
    """The lines of a configuration, with what its variables are by themselves."""
    text = (DEPLOY / config).read_text()
    values = dict(re.findall(r"^ +presetenv (\w+) (\S+)", text, re.MULTILINE))
    text = re.sub(r"\$\{(\w+)\}", lambda variable: values.get(variable[1], ""), text).replace('"', "")
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("config", CONFIGS)
def test_what_haproxy_is_told_by_default(config):
    """idle 3600 s; cookie stickiness 3600 s; health check on /ready: 30/5/5/2 (interval, timeout, healthy, unhealthy)"""
    lines = said_by_haproxy(config)
    for line in ("timeout client 3600s", "timeout tunnel 3600s", "option httpchk GET /ready", "timeout check 5s"):
        assert line in lines
    assert "http-request set-timeout server 3600s if { path_end /events }" in lines
    (checks,) = [line for line in lines if line.startswith("default-server check")]
    assert checks == "default-server check inter 30s fastinter 2s downinter 2s rise 5 fall 2"
    cookies = [line for line in lines if line.startswith("cookie ")]
    assert len(cookies) == 2 and all("maxidle 3600s attr Max-Age=3600" in cookie for cookie in cookies)
    assert {line.split()[2] for line in lines if line.startswith("server ")} == PLACES


@pytest.mark.parametrize("config", CONFIGS)
def test_what_haproxy_does_by_default(front, config):
    """The same as HAProxy says it itself, as far as it does: four places, taken after 5 checks and left after 2"""
    balancer = front(HAProxy, config=config)
    table = requests.get(f"http://{balancer.watch}/;csv", timeout=5 * PATIENCE).text.removeprefix("# ")
    rows = [row for row in csv.DictReader(table.splitlines()) if row["check_rise"]]
    assert len(rows) == 4
    assert {(row["check_rise"], row["check_fall"]) for row in rows} == {("5", "2")}


def test_what_nginx_is_told_by_default():
    """The same as far as nginx goes, which checks nothing: left alone for 30 s after 2 failures, 5 s to connect"""
    made = subprocess.run([DEPLOY / "nginx.sh"], env={"PATH": PATH}, capture_output=True, text=True, check=True)
    lines = [line.strip() for line in made.stdout.splitlines()]
    for line in ("send_timeout 3600s;", "proxy_send_timeout 3600s;", "proxy_read_timeout 3600s;", "proxy_connect_timeout 5s;"):
        assert line in lines
    # With stickiness and without.
    servers = [line for line in lines if line.startswith("server 127")]
    assert sorted(servers) == sorted(f"server {place} max_fails=2 fail_timeout=30s;" for place in PLACES for _ in range(2))
    assert "Max-Age=3600;" in made.stdout


@pytest.mark.parametrize("kind, options", [
    (HAProxy, {"config": "haproxy.cfg"}), (HAProxy, {"config": "haproxy-planes.cfg"}), (Nginx, {}),
], ids=["haproxy", "haproxy-planes", "nginx"])
def test_a_certificate_that_is_named_by_nothing_is_none(site, front, kind, options):  # noqa: F811
    """LB_TLS: HTTPS and WSS instead of HTTP and WS; an empty one is no file"""
    address = f"127.0.0.1:{site.server_port}"
    balancer = front(kind, [address] * 4, LB_TLS="", LB_HTTP_1=address, LB_HTTP_2=address, **options)
    assert fresh(balancer).status_code == 200


def test_how_long_a_cookie_is_kept(site, kind, front):  # noqa: F811
    """LB_STICKY_SECONDS"""
    balancer = front(kind, [f"127.0.0.1:{site.server_port}"] * 4, LB_STICKY_SECONDS="77")
    assert "Max-Age=77;" in fresh(balancer).headers["Set-Cookie"] + ";"


def test_nodes_with_a_base_path_are_checked_under_it(front, start_node):  # noqa: F811
    """LB_CHECK_PATH: with `--base-path /realtime`, `/realtime/ready`"""
    node = start_node("--base-path", "/realtime")
    options = {"LB_CHECK_INTERVAL": "200ms"}
    right = front(HAProxy, [node.authority, "", "", ""], LB_CHECK_PATH="/realtime/ready", **options)
    wrong = front(HAProxy, [node.authority, "", "", ""], **options)
    eventually(lambda: fresh(wrong, "/realtime/health").status_code == 503, what="the node to be left")
    let_pass(1)
    assert right.up() == {"node-1"} and wrong.up() == set()
    assert fresh(right, "/realtime/health").status_code == 200


def test_silence_under_a_base_path(front, kind, start_node, client):  # noqa: F811
    """idle 3600 s for what is held open, also behind a --base-path"""
    node = start_node("--base-path", "/realtime")
    variables = {"LB_CHECK_PATH": "/realtime/ready"} if kind is HAProxy else {}
    quiet = client(front(kind, [node.authority, "", "", ""], LB_ANSWER="1s", **variables), path="/realtime/ws")
    let_pass(2)
    quiet.ping()


BODY = b'{"name":"' + b"x" * 1_500_000 + b'"}'


def post(balancer, path="/users"):
    return balancer.http.post(path, data=BODY, headers={"Content-Type": "application/json"})


def test_a_body_that_is_too_large_is_for_the_node_to_refuse(front, kind, start_node):  # noqa: F811
    """LB_BODY: no less than --max-body-bytes of the nodes, which say so in a problem of theirs"""
    node = start_node()
    assert_problem(post(front(kind, [node.authority, "", "", ""])), 413, "too_large")


def test_the_largest_body_that_nginx_takes(front, start_node):  # noqa: F811
    """LB_BODY, nginx only: the largest body of a request"""
    node = start_node("--max-body-bytes", "4194304")
    small, large = (front(Nginx, [node.authority, "", "", ""], LB_BODY=size) for size in ("1m", "4m"))
    refused, taken = post(small), post(large)
    assert refused.status_code == 413 and "nginx" in refused.text
    # By the node, whose limit of a name is another one.
    assert_problem(taken, 422, "invalid")


def test_a_reload_leaves_connections_where_they_are(front, kind, start_node, client):  # noqa: F811
    """the load balancer is reloaded: the processes before go on with the connections they have"""
    old, new = start_node(), start_node()
    balancer = front(kind, [old.authority, "", "", ""])
    here = client(balancer)
    balancer.reload([new.authority])
    there = []

    def is_led_there():
        there.append(client(balancer))
        return new.http.get("/health").json()["connections"] > 0

    eventually(is_led_there, what="new clients to be led to the new node")
    here.ping()
    assert here.welcome.payload["clientId"] in old.http.get("/health").json()["active_clients"]
    for one in there:
        one.ping()
    if kind is HAProxy:
        assert balancer.before.poll() is None
        for one in (here, *there):
            one.close()
        assert balancer.before.wait(10 * PATIENCE) == 0, "the process before ends with its last connection"


def test_a_name_that_is_not_known(site, front):  # noqa: F811
    """A name of a node that does not resolve keeps nginx from starting, while HAProxy asks again"""
    nodes = ["nowhere.invalid:8080", f"127.0.0.1:{site.server_port}", "", ""]
    # Where nobody resolves names, that is known soon.
    balancer = front(HAProxy, nodes, RES_OPTIONS="timeout:1 attempts:1")
    for _ in range(4):
        assert fresh(balancer).status_code == 200
    with pytest.raises(AssertionError, match="host not found in upstream"):
        front(Nginx, nodes, RES_OPTIONS="timeout:1 attempts:1")
