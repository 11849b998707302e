"""Both load balancers, as Deploy configures them, before three nodes or four: what clients notice of them."""

import asyncio
import base64
import http.client
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from websockets.exceptions import InvalidStatus

from checks import PATIENCE, eventually, let_pass, position, read_backwards
from crowd import Crowd, story
from roost_clients import NativeClient


@pytest.fixture
def client():
    """Opens native connections: client(balancer, cookies), client(node)."""
    opened = []

    def open_client(to, cookies=None, **options):
        headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)} if cookies else None
        opened.append(NativeClient(to, headers=headers, **options))
        return opened[-1]

    yield open_client
    for one in opened:
        one.close()


def fresh(balancer, path="/health", **options):
    """A request over a connection of its own, with no cookie but those given."""
    return requests.get(balancer.url + path, timeout=10 * PATIENCE, **options)


def place_of(cluster, client):
    return cluster.place_of_client(client.welcome.payload["clientId"])


def most_connected(cluster):
    """The place with the most clients."""
    connections = {place: node.http.get("/health").json()["connections"] for place, node in enumerate(cluster.nodes) if node}
    return max(connections, key=connections.get)


def history(cluster, room):
    node = next(node for node in cluster.nodes if node)
    return [(message["seq"], message["messageId"]) for message in read_backwards(node.http, room)]


def test_a_websocket_is_let_through(balance, kind, client, room):
    """WebSocket upgrade"""
    balancer = balance(kind)
    author, reader = client(balancer), client(balancer)
    assert author.ws.subprotocol == "roost.v1.json"
    reader.join(room)
    for number in range(10):
        author.publish(room, "x" * 60_000 + str(number))
    assert [frame.payload["seq"] for frame in reader.hear(room, 10)] == list(range(1, 11))
    with pytest.raises(InvalidStatus) as refused:
        client(balancer, subprotocols=["unknown"])
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("sticky", ["on", "off"])
def test_a_websocket_after_other_requests_over_the_same_connections(balance, kind, client, sticky):
    """WebSocket upgrade: to a node it needs a connection that has carried nothing else"""
    balancer = balance(kind, LB_STICKY=sticky)
    for _ in range(12):
        for _ in range(3):
            assert balancer.http.get("/rooms").status_code == 200
        client(balancer).ping()
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10 * PATIENCE)
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode()}
    for path, headers, status in [("/rooms", {}, 200), ("/rooms", {}, 200), ("/ws", handshake, 101)]:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == status, answer.read()
        if status == 200:
            answer.read()
    connection.close()


def test_one_node_for_page_requests_and_socket_where_it_is_sticky(cluster, balance, kind, client):
    """cookie stickiness 3600 s"""
    balancer = balance(kind)
    places = set()
    for _ in range(12):
        page = fresh(balancer, "/", headers={"Accept": "text/html"})
        assert page.status_code == 200 and "<html" in page.text
        assert "Max-Age=3600" in page.headers["Set-Cookie"] and "HttpOnly" in page.headers["Set-Cookie"]
        place = cluster.place_of(fresh(balancer, cookies=page.cookies))
        assert {cluster.place_of(fresh(balancer, cookies=page.cookies)) for _ in range(4)} == {place}
        assert {place_of(cluster, client(balancer, page.cookies)) for _ in range(3)} == {place}
        places.add(place)
    assert len(places) > 1, "clients that come without a cookie are all sent to one node"


def test_a_socket_is_given_the_cookie_too(cluster, balance, kind, client):
    """cookie stickiness: from whatever a client asks for first"""
    balancer = balance(kind)
    socket = client(balancer)
    given = socket.ws.response.headers["Set-Cookie"]
    assert "Max-Age=3600" in given
    cookie = {"Cookie": given.split(";")[0]}
    assert {cluster.place_of(fresh(balancer, headers=cookie)) for _ in range(5)} == {place_of(cluster, socket)}


FOUR = {0, 1, 2, 3}


def test_four_nodes_are_all_asked(cluster, balance, kind, client, room):
    """up to four nodes: `LB_NODE_1` … `LB_NODE_4`"""
    cluster.start(3)
    balancer = balance(kind, LB_STICKY="off")
    asked = Counter(cluster.place_of(fresh(balancer)) for _ in range(40))
    # Ten each, if they are asked in turn.
    assert set(asked) == FOUR and min(asked.values()) >= 5, asked
    readers = [client(balancer) for _ in range(12)]
    assert {place_of(cluster, reader) for reader in readers} == FOUR
    for reader in readers:
        reader.join(room)
    for number in range(8):
        answer = fresh_post(balancer, room, "poster", f"m{number}")
        assert (answer.status_code, answer.json()["seq"]) == (201, number + 1)
    for reader in readers:
        assert [frame.payload["seq"] for frame in reader.hear(room, 8)] == list(range(1, 9))


def test_each_of_four_nodes_keeps_its_clients_where_it_is_sticky(cluster, balance, kind, client):
    """cookie stickiness: a client keeps its node, in whatever place that is"""
    cluster.start(3)
    balancer = balance(kind)
    found = sessions(cluster, balancer)
    assert set(found) == FOUR
    for place, session in found.items():
        assert {cluster.place_of(fresh(balancer, cookies=session.cookies)) for _ in range(4)} == {place}
        assert place_of(cluster, client(balancer, session.cookies)) == place


def test_everything_works_over_changing_nodes_where_it_is_not_sticky(cluster, balance, kind, client, room, alice, bob):
    """cookie stickiness that can be turned off; with it off everything still works"""
    balancer = balance(kind, LB_STICKY="off")
    session = balancer.http
    assert "Set-Cookie" not in session.get("/", headers={"Accept": "text/html"}).headers
    assert len({cluster.place_of(session.get("/health")) for _ in range(30)}) > 1
    readers = [client(balancer, user=f"{bob}{number}") for number in range(6)]
    assert len({place_of(cluster, reader) for reader in readers}) > 1
    for reader in readers:
        reader.join(room)
    for number in range(20):
        answer = session.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": number})
        assert (answer.status_code, answer.json()["seq"]) == (201, number + 1)
    heard = [[frame.payload["content"] for frame in reader.hear(room, 20)] for reader in readers]
    assert heard == [list(range(20))] * 6
    for _ in range(10):
        assert [message["content"] for message in session.get(f"/rooms/{room}/messages").json()] == list(range(20))
    members = {f"{bob}{number}" for number in range(6)}
    for _ in range(10):
        eventually(lambda: {member["user"] for member in session.get(f"/rooms/{room}/presence").json()["members"]} == members,
                   what="every node to know who is there")


def test_sessions_are_counted_over_changing_nodes(cluster, balance, kind):
    """3 users × 5 requests: session id constant, visits 1…5, over any node and a restart"""
    balancer = balance(kind, LB_STICKY="off")
    users = [requests.Session() for _ in range(3)]
    seen = [[], [], []]
    for visit in range(1, 6):
        if visit == 4:
            cluster.kill(0)
            cluster.start(0)
        for user, ids in zip(users, seen):
            answer = user.get(balancer.url + "/session", timeout=10 * PATIENCE)
            assert answer.status_code == 200 and answer.json()["visits"] == visit
            ids.append(answer.json()["sessionId"])
    assert [len(set(ids)) for ids in seen] == [1, 1, 1] and len({ids[0] for ids in seen}) == 3


def test_a_client_goes_on_on_any_node(cluster, balance, kind, client, room, alice):
    """with it off everything still works: who comes back misses nothing, wherever it comes"""
    balancer = balance(kind, LB_STICKY="off")
    author = client(balancer, user=alice)
    reader = client(balancer)
    epoch, places = reader.join(room)["epoch"], set()
    for number in range(1, 13):
        reader.close()
        author.publish(room, number)
        reader = client(balancer)
        assert reader.join(room, after=position(epoch, number - 1))["recovered"] is True
        assert reader.hear(room).payload["seq"] == number
        places.add(place_of(cluster, reader))
    assert len(places) > 1


@pytest.mark.parametrize("sticky", ["on", "off"])
def test_a_killed_node_costs_nothing_but_its_connections(cluster, balance, kind, room, sticky):
    """a node is killed: every acked message is heard once, in the same order; requests go on at once"""
    balancer = balance(kind, LB_STICKY=sticky)
    cookies = {cluster.place_of(answer): answer.cookies for answer in (fresh(balancer) for _ in range(30))}
    crowd = Crowd(balancer.socket_url, room, publishers=3, readers=6, rate=10)

    def kill():
        busy = most_connected(cluster)
        cluster.kill(busy)
        begun = time.monotonic()
        for _ in range(10):
            assert cluster.place_of(fresh(balancer, cookies=cookies[busy])) != busy
        assert time.monotonic() - begun < 10 * PATIENCE

    asyncio.run(crowd.during(story([(0.5, kill), (0.5, crowd.await_return)])))
    account = crowd.account(history(cluster, room))
    assert account.problems == [] and account.resumed > 0, account


def sessions(cluster, balancer):
    """A client of each node, by the node's place, with the cookie it was given and a connection that it keeps."""
    found, count = {}, sum(node is not None for node in cluster.nodes)

    def all_found():
        session = requests.Session()
        found.setdefault(cluster.place_of(session.get(balancer.url + "/health", timeout=10 * PATIENCE)), session)
        return len(found) == count

    eventually(all_found, what="a client on each node")
    return found


def listens(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.mark.parametrize("delay", ["0s", "1500ms"])
def test_a_drained_node_loses_nobody(balance, kind, cluster, room, delay):
    """draining nodes leave without losing anyone"""
    for place in range(3):
        cluster.restart(place, "--drain-delay", delay)
    balancer = balance(kind, LB_CHECK_INTERVAL="1s")
    crowd = Crowd(balancer.socket_url, room, publishers=3, readers=6, rate=10)
    answers = []

    def drain():
        busy = most_connected(cluster)
        node = cluster.nodes[busy]
        node.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20 * PATIENCE
        while node.process.poll() is None:
            assert time.monotonic() < deadline, "the node does not end"
            answers.append(fresh(balancer, "/rooms").status_code)
        assert node.wait() == 0
        cluster.nodes[busy] = None
        answers.append(fresh(balancer, "/rooms").status_code)

    asyncio.run(crowd.during(story([(0.5, drain), (0.5, crowd.await_return)])))
    account = crowd.account(history(cluster, room))
    assert account.problems == [] and account.resumed > 0, account
    assert len(answers) > 1 and set(answers) == {200}


def test_a_draining_node_is_sent_nothing_over_connections_that_carried_other_requests(cluster, balance, kind, client, room):
    """what clients send while their node drains is led elsewhere at once"""
    balancer = balance(kind)
    session = sessions(cluster, balancer)[0]
    node = cluster.nodes[0]
    # These are sent away one by one, so that the node has something to drain.
    for _ in range(25):
        client(node)

    def post():
        return session.post(f"{balancer.url}/rooms/{room}/messages", params={"user": "poster"}, json={"content": "hello"},
                            timeout=10 * PATIENCE)

    assert [post().status_code for _ in range(10)] == [201] * 10
    node.process.send_signal(signal.SIGTERM)
    # What comes in the moment before may be refused; nothing may be after it.
    eventually(lambda: not listens(cluster.host, cluster.ports[0]), what="the node to listen no longer")
    answers, deadline = [], time.monotonic() + 20 * PATIENCE
    while node.process.poll() is None:
        assert time.monotonic() < deadline, "the node does not end"
        answers.append(post().status_code)
    assert node.wait() == 0
    cluster.nodes[0] = None
    assert len(answers) > 1 and set(answers) == {201}, answers


@pytest.mark.parametrize("end", ["killed", "drained"])
def test_who_publishes_by_http_repeats_what_had_no_answer_and_it_is_stored_once(cluster, balance, kind, room, alice, end):
    """What was acked is kept; what is sent again under its id is stored once, to whatever node it comes"""
    balancer = balance(kind, LB_STICKY="off")
    acked, refused, ended = {}, [], threading.Event()
    deadline = time.monotonic() + 60 * PATIENCE

    def publish(author):
        number = 0
        while not (ended.is_set() and number > 20):
            number += 1
            message_id = f"{author}-{number}"
            while message_id not in acked:
                assert time.monotonic() < deadline, f"{message_id} was not acked; {refused}"
                try:
                    answer = fresh_post(balancer, room, author, message_id)
                except requests.ConnectionError:
                    refused.append("no answer")
                    continue
                if answer.status_code in (200, 201):
                    acked[message_id] = answer.json()["seq"]
                else:
                    assert answer.status_code in (502, 503), answer.text
                    refused.append(answer.status_code)

    with ThreadPoolExecutor() as pool:
        try:
            authors = [pool.submit(publish, f"{alice}{number}") for number in range(3)]
            eventually(lambda: len(acked) > 20, what="some messages")
            if end == "killed":
                # Once all wait for its answer; so one is lost, whatever has been stored.
                cluster.nodes[0].process.send_signal(signal.SIGSTOP)
                eventually(lambda: stands_still(acked), timeout=20, what="every author to wait for the frozen node")
                cluster.kill(0)
            else:
                cluster.drain(0)
        finally:
            ended.set()
        for author in authors:
            author.result(timeout=30 * PATIENCE)
    log = history(cluster, room)
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    assert sorted(log) == sorted((seq, message_id) for message_id, seq in acked.items())
    # One request at a time of each author can be under way as the node goes.
    assert (1 if end == "killed" else 0) <= len(refused) <= 3, refused


def stands_still(acked):
    count = len(acked)
    let_pass(1)
    return len(acked) == count


def fresh_post(balancer, room, author, message_id):
    return requests.post(f"{balancer.url}/rooms/{room}/messages", params={"user": author},
                         json={"content": "hello", "messageId": message_id}, timeout=10 * PATIENCE)


def test_silence_may_last_as_long_as_is_said(balance, kind, client):
    """idle 3600 s: LB_IDLE ends a silent connection, and how long a node has to answer requests does not"""
    short, long = balance(kind, LB_IDLE="2s"), balance(kind, LB_ANSWER="1s")
    quiet, other = client(short), client(long)
    with pytest.raises(AssertionError, match="closed without a close frame"):
        quiet.expect_close(timeout=6)
    let_pass(1)
    other.ping()
