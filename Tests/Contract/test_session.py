"""`GET /session`: a browser's session, known to all nodes (contract, section 2)."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from checks import PATIENCE, assert_problem, eventually
from tokens import SECRET, bearer, mint

ID = re.compile(r"[0-9a-f]{32,}")


def visitor():
    """A browser with cookies of its own."""
    session = requests.Session()
    session.trust_env = False
    return session


def visit(browser, node, **options):
    answer = browser.get(node.url + "/session", timeout=10 * PATIENCE, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def attributes(answer):
    """The parts of the cookie that was set, without its value."""
    name, *rest = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("roost_session=")
    return set(rest)


def test_a_session_is_kept_by_its_cookie(node):
    """`{sessionId,visits,hostname,lastRoom}` behind the cookie `roost_session`"""
    browser = visitor()
    first = visit(browser, node)
    assert set(first) == {"sessionId", "visits", "hostname", "lastRoom"}
    assert ID.fullmatch(first["sessionId"])
    assert (first["visits"], first["lastRoom"]) == (1, None)
    assert first["hostname"] == node.http.get("/health").json()["hostname"]
    assert browser.cookies["roost_session"] == first["sessionId"]
    second = visit(browser, node)
    assert (second["sessionId"], second["visits"]) == (first["sessionId"], 2)
    assert visit(visitor(), node)["sessionId"] != first["sessionId"]


@pytest.mark.parametrize("claimed", [
    "0" * 32, "f" * 32, "x", "", "0" * 31, "A" * 32, "../../etc", "%00", "0" * 4000, "é" * 16,
])
def test_an_id_is_never_taken_from_the_client(node, claimed):
    """A cookie that is unknown or ill-formed gets a new session."""
    for _ in range(2):
        answer = node.http.get("/session", headers={"Cookie": f"roost_session={claimed}".encode()})
        assert answer.status_code == 200, answer.text
        assert answer.json()["visits"] == 1
        assert answer.json()["sessionId"] != claimed
        node.http.session.cookies.clear()


def test_the_cookie_is_the_browsers_own(node, start_node, certificate):
    """HttpOnly, SameSite=Lax, its path, its life, and Secure where the client speaks TLS"""
    plain = {"Path=/", "Max-Age=3600", "HttpOnly", "SameSite=Lax"}
    answer = visitor().get(node.url + "/session")
    assert attributes(answer) == plain
    assert answer.headers["Cache-Control"] == "no-store"
    behind = visitor().get(node.url + "/session", headers={"X-Forwarded-Proto": "https"})
    assert attributes(behind) == plain | {"Secure"}
    behind = visitor().get(node.url + "/session", headers={"X-Forwarded-Proto": "http"})
    assert attributes(behind) == plain
    tls = start_node("--base-path", "/realtime", "--session-life", "90s", tls=certificate)
    answer = visitor().get(tls.url + "/realtime/session", verify=str(certificate.root))
    assert attributes(answer) == {"Path=/realtime", "Max-Age=90", "HttpOnly", "SameSite=Lax", "Secure"}


def test_a_session_ends(start_node):
    """`--session-life`: after its last visit"""
    node, browser = start_node("--session-life", "1s"), visitor()
    first = visit(browser, node)["sessionId"]
    cookie = {"Cookie": f"roost_session={first}"}
    assert visit(visitor(), node, headers=cookie)["visits"] == 2
    ended = threading.Event()
    assert not ended.wait(1.2)
    again = visit(visitor(), node, headers=cookie)
    assert again["visits"] == 1 and again["sessionId"] != first


def test_without_a_life_there_are_none(start_node):
    """`--session-life 0`: off"""
    node = start_node("--session-life", "0")
    assert_problem(node.http.get("/session"), 404, "not_found")


def test_where_people_sign_in_so_do_visitors(start_node):
    node = start_node("--auth", "jwt", "--jwt-secret", SECRET)
    assert_problem(node.http.get("/session"), 401, "unauthenticated")
    assert node.http.get("/session", headers=bearer(mint("ann"))).json()["visits"] == 1


def test_the_last_room_is_the_one_joined_last(node, native, simple, name):
    """`lastRoom`: where a WebSocket with the cookie has joined last"""
    browser = visitor()
    cookie = {"Cookie": f"theme=dark; roost_session={visit(browser, node)['sessionId']}"}
    rooms = [name("room") for _ in range(3)]
    client = native(node, headers=cookie)
    for room in rooms[:2]:
        client.join(room)
    eventually(lambda: visit(browser, node)["lastRoom"] == rooms[1], what="the room to be noted")
    simple(node, headers=cookie).join(rooms[2])
    eventually(lambda: visit(browser, node)["lastRoom"] == rooms[2], what="the room to be noted")
    # Others' rooms are none of its own.
    native(node).join(name("room"))
    native(node, headers={"Cookie": f"roost_session={'0' * 32}"}).join(name("room"))
    assert visit(browser, node)["lastRoom"] == rooms[2]


# Over several nodes.


def test_three_users_with_five_requests_each(cluster, native, name):
    """session id constant, visits 1…5, over any node and a restart, in Redis"""
    nodes = [cluster() for _ in range(3)]
    browsers = [visitor() for _ in range(3)]
    rooms = [name("room") for _ in browsers]
    ids = [set() for _ in browsers]
    for number in range(5):
        for user, browser in enumerate(browsers):
            page = visit(browser, nodes[(number + user) % 3])
            ids[user].add(page["sessionId"])
            assert page["visits"] == number + 1
            assert page["lastRoom"] == (rooms[user] if number > 2 else None)
        if number == 2:
            for user, browser in enumerate(browsers):
                cookie = {"Cookie": f"roost_session={browser.cookies['roost_session']}"}
                client = native(nodes[user], user=f"u{user}", headers=cookie)
                client.join(rooms[user])
                client.close()
            assert nodes[0].stop() == 0
            nodes[0] = cluster()
    assert [len(each) for each in ids] == [1, 1, 1]
    assert len(set.union(*ids)) == 3


def test_requests_at_the_same_time_are_all_counted(cluster):
    """visits are counted exactly, also when requests come at the same time"""
    nodes = [cluster() for _ in range(3)]
    browser = visitor()
    first = visit(browser, nodes[0])
    cookie = {"Cookie": f"roost_session={first['sessionId']}"}
    with ThreadPoolExecutor(12) as pool:
        pages = list(pool.map(lambda number: visit(visitor(), nodes[number % 3], headers=cookie), range(60)))
    assert {page["sessionId"] for page in pages} == {first["sessionId"]}
    assert sorted(page["visits"] for page in pages) == list(range(2, 62))


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
def test_without_redis_no_session_is_made_up(cluster, redis, trouble):
    """Redis away: `unavailable` 503, and no new cookie"""
    node, browser = cluster(), visitor()
    first = visit(browser, node)
    redis.kill() if trouble == "killed" else redis.freeze()
    for one in (browser, visitor()):
        answer = one.get(node.url + "/session", timeout=20 * PATIENCE)
        problem = assert_problem(answer, 503, "unavailable")
        assert problem["retryAfterMs"] > 0 and "Redis" in problem["detail"]
        assert "Set-Cookie" not in answer.headers
    if trouble == "frozen":
        redis.thaw()
        page = eventually(
            lambda: (answer := browser.get(node.url + "/session")).status_code == 200 and answer.json(),
            timeout=20, what="Redis to be reached")
        assert page["sessionId"] == first["sessionId"] and page["visits"] > 1
