"""HTTP API: /, /health, /ready, /metrics, CORS, problem+json (contract, section 2)."""

import re

import pytest

from checks import assert_problem, eventually, is_integer, is_text

SAMPLE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(\{[^}]*\})? (\S+)( \d+)?")


def metrics(http):
    """The types that /metrics declares, and the names and values of its samples."""
    response = http.get("/metrics")
    assert response.status_code == 200
    types, samples = {}, []
    for line in response.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif line and not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            samples.append((match[1], float(match[3])))
    return types, samples


def test_root(http):
    """`GET /`: `{"message":"WebSocket server is running on HOSTNAME"}`"""
    response = http.get("/")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    hostname = http.get("/health").json()["hostname"]
    assert response.json() == {"message": f"WebSocket server is running on {hostname}"}


def test_root_for_a_browser(http):
    """`GET /`: the web chat for a browser (`Accept: text/html`)"""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    response = http.get("/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<html" in response.text.lower()


def test_health(http):
    """`GET /health`: liveness, 200: `{"status":"healthy","hostname","connections",…}`"""
    response = http.get("/health")
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "healthy"
    assert is_text(body["hostname"])
    assert is_integer(body["connections"])


def test_health_counts_connections(start_node, native, simple):
    """`connections`"""
    node = start_node()
    connections = lambda: node.http.get("/health").json()["connections"]  # noqa: E731
    assert connections() == 0
    clients = [native(node), native(node), simple(node)]
    assert connections() == 3
    clients[0].close()
    eventually(lambda: connections() == 2, what="two connections")


def test_health_names_clients_in_anonymous_mode(http, native, simple):
    """`active_clients` (ids) in anonymous mode only"""
    plain, modern = simple(), native()
    active = http.get("/health").json()["active_clients"]
    assert isinstance(active, list)
    assert plain.id in active
    assert modern.welcome.payload["clientId"] in active


def test_ready(http):
    """`GET /ready`: 503 while starting or draining, or while the store is away"""
    assert http.get("/ready").status_code == 200


def test_metrics_is_prometheus_text(http, native, room):
    """`GET /metrics`: Prometheus text; names start `roost_`"""
    native().publish(room, 1)
    assert http.get("/metrics").headers["Content-Type"].startswith("text/plain")
    types, samples = metrics(http)
    assert samples
    assert [name for name in [*types, *(name for name, _ in samples)] if not name.startswith("roost_")] == []


def test_metrics_counters_end_in_total(http, native, room):
    """`_total` for counters"""
    native().publish(room, 1)
    types, _ = metrics(http)
    counters = [name for name, kind in types.items() if kind == "counter"]
    assert counters
    assert [name for name in counters if not name.endswith("_total")] == []
    assert [name for name, kind in types.items() if name.endswith("_total") and kind != "counter"] == []


def test_metrics_are_in_seconds_and_bytes(http):
    """seconds and bytes"""
    types, _ = metrics(http)
    other_units = re.compile(r"_(ms|us|ns|milliseconds|microseconds|nanoseconds|minutes|kb|kib|mb|mib|kilobytes"
                             r"|megabytes)(_total)?$", re.IGNORECASE)
    assert types
    assert [name for name in types if other_units.search(name)] == []


def test_metrics_move_when_messages_are_sent(http, native, room):
    """a first set: something counts the messages"""
    def counted():
        types, samples = metrics(http)
        return sum(value for name, value in samples if types.get(name) == "counter" and "message" in name)

    before, client = counted(), native()
    for number in range(5):
        client.publish(room, number)
    eventually(lambda: counted() >= before + 5, what="a counter of messages, five more")


def test_metrics_tell_how_many_are_connected(start_node, native):
    """a first set: connections open now"""
    node = start_node()

    def connected():
        return dict(metrics(node.http)[1])["roost_connections"]

    assert connected() == 0
    clients = [native(node) for _ in range(3)]
    assert connected() == 3
    clients[0].close()
    eventually(lambda: connected() == 2, what="two connections")


def test_metrics_tell_how_many_messages_share_a_commit(http, native, room):
    """a first set: commits, and the messages in them"""
    def counted():
        samples = dict(metrics(http)[1])
        return samples["roost_log_messages_total"], samples["roost_log_batches_total"]

    (messages, batches), client = counted(), native()
    for number in range(5):
        # Each is acked before the next is sent, so none can share a commit with another.
        client.publish(room, number)
    eventually(lambda: counted() == (messages + 5, batches + 5), what="five messages in five commits")


@pytest.mark.parametrize("path", ["/no-such-path", "/users/nobody-here", "/rooms/no-such-room",
                                  "/rooms/no-such-room/messages", "/rooms/no-such-room/presence"])
def test_errors_are_problem_json(http, path):
    """Errors are `application/problem+json` with `code`, `title`, `detail`: `not_found` 404."""
    assert_problem(http.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/rooms/no%20such%20name/messages", "/rooms/" + "x" * 129, "/rooms/%F0%9F%98%80"])
def test_invalid_room_names_are_named(http, path):
    """room name `[A-Za-z0-9_.:-]{1,128}`: `invalid` 422"""
    assert_problem(http.get(path), 422, "invalid")


@pytest.mark.parametrize("path", ["/users", "/rooms", "/rooms/general/messages"])
@pytest.mark.parametrize("body", ["{", "[1", '{"a":}', "{}x"])
def test_malformed_json_is_a_bad_frame(http, path, body):
    """`bad_frame` 400"""
    response = http.post(path, data=body.encode(), headers={"Content-Type": "application/json"})
    assert_problem(response, 400, "bad_frame")


@pytest.mark.parametrize("path", ["/users", "/rooms", "/rooms/general/messages"])
@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null"])
def test_json_of_the_wrong_shape_is_refused(http, path, body):
    """`bad_frame` 400, `invalid` 422"""
    response = http.post(path, data=body.encode(), headers={"Content-Type": "application/json"})
    assert_problem(response, (400, 422), ("bad_frame", "invalid"))


def test_cors_allows_the_same_list(http):
    """CORS follows the same list: in anonymous loopback mode any loopback origin"""
    origin = "http://localhost:5173"
    response = http.get("/rooms", headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] in (origin, "*")


def test_cors_allows_an_error_to_be_read(http):
    """CORS follows the same list: for errors too"""
    origin = "http://localhost:5173"
    response = http.get("/rooms/no-such-room", headers={"Origin": origin})
    assert_problem(response, 404, "not_found")
    assert response.headers["Access-Control-Allow-Origin"] in (origin, "*")


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_cors_refuses_other_origins(http, origin):
    """CORS follows the same list; `null` must be named"""
    response = http.get("/rooms", headers={"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_cors_preflight(http, method):
    """CORS: a browser asks before it sends JSON."""
    origin = "http://127.0.0.1:3000"
    response = http.request("OPTIONS", "/rooms/general", headers={
        "Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"})
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] in (origin, "*")
    assert method in response.headers["Access-Control-Allow-Methods"].upper()
    assert "content-type" in response.headers["Access-Control-Allow-Headers"].lower()


def test_cors_preflight_of_other_origins(http):
    """CORS follows the same list."""
    response = http.request("OPTIONS", "/rooms", headers={
        "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    assert response.headers.get("Access-Control-Allow-Origin") is None
