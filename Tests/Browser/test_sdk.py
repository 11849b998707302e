"""roost.js in pages of a real browser, against a real server on a SQLite file."""

import subprocess

import pytest
import requests
from conftest import PATIENCE, SERVER_AWAY, Node
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.support.wait import WebDriverWait

FAST = {"reconnectBaseMs": 50, "reconnectMaxMs": 300}
SECRET = "a-secret-of-the-browser-tests-that-is-long-enough"
# Any page of the server's origin that does nothing by itself.
BLANK = "/roost.d.ts"
START = """
    const [address, options, room, joining, done] = arguments;
    window.errors = [];
    import(address).then((module) => {
        if (window.tokens) options.getToken = async () => (window.tokensAsked = (window.tokensAsked ?? 0) + 1, tokens.shift());
        window.roost = module.connect(options);
        window.room = roost.join(room, joining);
        window.heard = [];
        window.receipts = [];
        room_ = window.room;
        room_.addEventListener("message", ({ detail }) => heard.push(detail.content));
        window.say = (content) => window.room.send(content).then((receipt) => receipts.push(receipt), (e) => errors.push(e.code));
        done(null);
    }, (error) => done(String(error)));
    var room_;
"""


class Page:
    """One tab with the SDK in it."""

    def __init__(self, window, node, room="general", address="/roost.js", page=None, **options):
        self.window, self.node, self.room, self.address = window, node, room, address
        self.options = {"url": node.websocket_url, **FAST, **options}
        self.joining = {"history": 100}
        window.allow("favicon.ico")
        window.open(page or node.url + BLANK)
        self.handle = window.driver.current_window_handle

    def start(self):
        problem = self.window.driver.execute_async_script(START, self.address, self.options, self.room, self.joining)
        assert problem is None, problem
        return self

    def js(self, script, *arguments):
        self.window.driver.switch_to.window(self.handle)
        return self.window.js(script, *arguments)

    def eventually(self, condition, what):
        def holds(_):
            return self.js(f"return {condition}")
        try:
            return WebDriverWait(self.window.driver, PATIENCE, poll_frequency=0.02).until(holds)
        except TimeoutException:
            seen = self.js("return JSON.stringify([roost.state, roost.lost, heard.length, heard.slice(-3), receipts.length, errors])")
            pytest.fail(f"waited for {what}: {condition}; state, heard, receipts, errors: {seen}")

    def connected(self):
        self.eventually("roost.state === 'connected' && room.position !== null", "the room to be joined")
        return self

    def lost(self):
        self.eventually("roost.state !== 'connected'", "the connection to be lost")

    def say(self, *contents):
        self.js("for (const content of arguments[0]) say(content)", list(contents))

    def hears(self, count):
        self.eventually(f"heard.length >= {count}", f"{count} messages")
        return self.js("return heard")

    def acked(self, count):
        self.eventually(f"receipts.length >= {count}", f"{count} acks")


@pytest.fixture
def open_page(new_window, node):
    def make(**options):
        window = new_window()
        window.allow(SERVER_AWAY)
        return Page(window, node, **options)

    return make


def contents(node, room="general"):
    """All that the room's log has, oldest first."""
    found, address = [], f"{node.url}/rooms/{room}/messages?limit=1000&after=0"
    while address:
        answer = requests.get(address, timeout=PATIENCE)
        found += [message["content"] for message in answer.json()]
        address = answer.links.get("next", {}).get("url") if answer.json() else None
        if address and not address.startswith("http"):
            address = node.url + address
    return found


def connections(node):
    lines = requests.get(f"{node.url}/metrics", timeout=PATIENCE).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("roost_connections{") or line.startswith("roost_connections "))


def wait_until(page, condition):
    WebDriverWait(page.window.driver, PATIENCE, poll_frequency=0.05).until(lambda _: condition())


def test_two_windows_talk(open_page, node):
    ada, ben = open_page(user="ada").start().connected(), open_page(user="ben").start().connected()
    ada.say({"text": "Good morning"})
    assert ben.hears(1) == [{"text": "Good morning"}]
    ben.say("Morning")
    assert ada.hears(2) == [{"text": "Good morning"}, "Morning"]
    ada.acked(1)
    receipt = ada.js("return receipts[0]")
    assert (receipt["seq"], receipt["durability"], receipt["duplicate"]) == (1, "stored", False)
    shown = ada.js("return room.messages.map(({ content, own, state, sender }) => [content, own, state, sender])")
    assert shown == [[{"text": "Good morning"}, True, "sent", "ada"], ["Morning", False, "sent", "ben"]]


def test_a_room_can_be_iterated(open_page, node):
    page = open_page(user="ada").start().connected()
    page.js("""window.read = [];
        (async () => { for await (const message of room) { read.push(message.content); if (read.length === 3) break; } })()""")
    page.say(1, 2, 3, 4)
    page.hears(4)
    page.eventually("read.length === 3", "three messages by for await")
    assert page.js("return read") == [1, 2, 3]


def test_members_and_typing(open_page):
    ada = open_page(user="ada", name="Ada")
    ada.joining["presence"] = True
    ada.start().connected()
    ben = open_page(user="ben", name="Ben").start().connected()
    ada.eventually("room.members.size === 2", "two members")
    assert sorted(ada.js("return [...room.members.values()].map(({ name }) => name)")) == ["Ada", "Ben"]
    ben.js("room.typing()")
    ada.eventually("room.typingUsers.has('ben')", "ben to be typing")
    ben.say("done")
    ada.eventually("!room.typingUsers.has('ben')", "ben to have stopped")
    ben.js("room.leave()")
    ada.eventually("room.members.size === 1", "one member")


def test_history_is_read_in_pages(open_page, node):
    for number in range(30):
        node.publish("general", number)
    page = open_page()
    page.joining["history"] = 5
    page.start().connected()
    assert page.hears(5) == list(range(25, 30))
    older = page.window.driver.execute_async_script(
        "const done = arguments[0]; room.history({ before: room.messages[0].seq, limit: 10 }).then(done, (e) => done(String(e)))")
    assert [message["content"] for message in older["messages"]] == list(range(15, 25)) and older["more"] is True


def test_the_server_is_killed_and_comes_back(open_page, node):
    ada, ben = open_page(user="ada").start().connected(), open_page(user="ben").start().connected()
    ada.say("before")
    ben.hears(1)
    node.kill()
    ada.lost()
    ada.say("meanwhile")
    assert ada.js("return room.messages.at(-1).state") == "pending"
    node.start()
    assert ben.hears(2) == ["before", "meanwhile"]
    ada.acked(2)
    assert contents(node) == ["before", "meanwhile"]


def test_a_thousand_messages_written_offline_arrive_once_and_in_order(open_page, node):
    page = open_page().start().connected()
    node.kill()
    page.lost()
    page.say(*range(1000))
    node.start()
    page.acked(1000)
    assert contents(node) == list(range(1000))
    assert page.hears(1000) == list(range(1000))


def emulate_network(page, is_offline):
    page.window.driver.execute_cdp_cmd("Network.enable", {})
    page.window.driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})


def test_the_network_goes_and_comes_back(open_page, node):
    page = open_page(shared=False, probeTimeoutMs=200).start().connected()
    page.window.allow("ERR_INTERNET_DISCONNECTED")
    page.say("before")
    page.acked(1)
    # What the browser does not cut by itself, the test does: emulation leaves open sockets alone.
    page.js("window.realSend = WebSocket.prototype.send; WebSocket.prototype.send = () => {}")
    emulate_network(page, True)
    page.lost()
    page.say("meanwhile")
    node.publish("general", "from elsewhere")
    page.js("WebSocket.prototype.send = realSend")
    emulate_network(page, False)
    page.connected()
    page.acked(2)
    assert page.hears(3) == contents(node) == ["before", "from elsewhere", "meanwhile"]


def test_tabs_share_a_connection(open_page, node):
    first = open_page(user="ada").start().connected()
    first.say("one", "two")
    first.acked(2)
    window = first.window
    window.driver.switch_to.new_window("tab")
    second = Page(window, node, user="ada").start().connected()
    assert second.hears(2) == ["one", "two"], "a tab that comes late has the history it asked for"
    second.say("three")
    for tab in (first, second):
        assert tab.hears(3) == ["one", "two", "three"]
    assert connections(node) == 1
    # A tab that is closed without a word leaves the other one connected; the last one takes the connection with it.
    window.driver.switch_to.window(first.handle)
    window.driver.close()
    second.say("four")
    assert second.hears(4)[-1] == "four"
    assert connections(node) == 1
    second.window.open("about:blank")
    wait_until(second, lambda: connections(node) == 0)


def test_a_page_that_is_left_and_returned_to(open_page, node):
    """A browser may keep a page that was left, and show it again as it was."""
    page = open_page(user="ada", shared=False)
    page.joining["history"] = 0  # it goes on where it was, not from a history
    page.start().connected()
    page.say("before")
    page.acked(1)
    page.window.open("about:blank")
    wait_until(page, lambda: connections(node) == 0)
    node.publish("general", "meanwhile")
    page.window.driver.back()
    assert page.js("return typeof roost") == "object", "(the test itself) the browser has not kept the page"
    assert page.hears(2) == ["before", "meanwhile"]
    page.say("after")
    page.acked(2)
    assert page.hears(3) == ["before", "meanwhile", "after"]


def test_a_tab_that_is_gone_has_left_its_rooms(open_page, node):
    first = open_page(user="ada").start().connected()
    first.window.driver.switch_to.new_window("tab")
    second = Page(first.window, node, room="other", user="ada").start().connected()

    def count():
        return requests.get(f"{node.url}/rooms/general/presence", timeout=PATIENCE).json()["count"]

    assert count() == 1
    first.js("MessagePort.prototype.postMessage = () => {}")  # it goes without a word, as in a crash
    first.window.driver.close()
    wait_until(second, lambda: count() == 0)
    assert connections(node) == 1


DYING_SOCKETS = """
    window.opened = 0;
    const Real = WebSocket;
    window.WebSocket = class extends Real {
        constructor(...given) {
            super(...given);
            window.opened += 1;
            if (window.opened <= 3) this.addEventListener("open", () => this.close());
        }
    };
"""


def test_sockets_that_die_right_after_opening(open_page, node):
    page = open_page(shared=False)
    page.js(DYING_SOCKETS)
    page.start()
    page.say("patience")
    page.acked(1)
    assert page.js("return opened") == 4
    assert contents(node) == ["patience"]


def kept(page):
    """How many messages the browser keeps."""
    return page.window.driver.execute_async_script("""
        const done = arguments[0];
        const opening = indexedDB.open("roost");
        opening.onsuccess = () => {
            const database = opening.result;
            const counting = database.transaction("queue").objectStore("queue").count();
            counting.onsuccess = () => (database.close(), done(counting.result));
        }""")


def write_offline(page, node, *texts):
    page.start().connected()
    node.kill()
    page.lost()
    page.say(*texts)
    wait_until(page, lambda: kept(page) == len(texts))


@pytest.mark.parametrize("shared", [True, False])
def test_a_queue_survives_a_reload(open_page, node, shared):
    page = open_page(shared=shared)
    write_offline(page, node, "one", "two", "three")
    user = page.js("return roost.user")
    node.start(port=0)  # a page to reload into, which is not the server that the queue is for
    page.window.open(node.url + BLANK)
    node.stop()
    node.start()
    page.window.open(node.url + BLANK)
    page.start().connected()
    assert page.hears(3) == ["one", "two", "three"]
    page.eventually("room.messages.every(({ state }) => state === 'sent')", "nothing to be pending")
    assert contents(node) == ["one", "two", "three"]
    assert page.js("return room.messages.map(({ own }) => own)") == [True] * 3
    assert page.js("return roost.user") == user, "the browser has forgotten who it is"
    wait_until(page, lambda: kept(page) == 0)


def test_a_queue_is_sent_by_one_tab(open_page, node):
    """Without a shared connection, a tab leaves alone what another one has written and still holds."""
    first = open_page(shared=False, messageTimeoutMs=300).start().connected()
    first.js("window.realSend = WebSocket.prototype.send; WebSocket.prototype.send = () => {}")
    first.say("mine")
    wait_until(first, lambda: kept(first) == 1)
    first.window.driver.switch_to.new_window("tab")
    second = Page(first.window, node, shared=False)
    second.js("window.written = []; const send = WebSocket.prototype.send;"
              "WebSocket.prototype.send = function (text) { written.push(JSON.parse(text).type); send.call(this, text); }")
    second.start().connected()
    first.js("WebSocket.prototype.send = realSend")
    first.acked(1)
    assert second.hears(1) == contents(node) == ["mine"]
    assert "message" not in second.js("return written")


def test_a_page_of_another_origin(open_page, node, another_origin):
    page = open_page(page=f"{another_origin}/", address=f"{node.url}/roost.js", user="ada")
    page.start().connected()
    page.say("from afar")
    page.acked(1)
    assert contents(node) == ["from afar"]


@pytest.fixture
def jwt_node(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOST_JWT_SECRET", SECRET)
    folder = tmp_path / "jwt"
    folder.mkdir()
    node = Node(folder, "--auth", "jwt").start()
    yield node
    node.stop()


def mint(node, lifetime):
    return subprocess.run([node.binary, "token", "--user", "ada", "--room", "*", "--ttl", lifetime], check=True,
                          capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


def test_a_token_is_renewed_before_it_ends(new_window, jwt_node):
    page = Page(new_window(), jwt_node, identity="ada")
    page.js("window.tokens = arguments[0]", [mint(jwt_node, "3s"), mint(jwt_node, "1h")])
    page.start().connected()
    assert page.js("return roost.user") == "ada"
    page.js("roost.addEventListener('state', ({ detail }) => errors.push(detail.state))")
    page.eventually("tokensAsked === 2", "a second token to be asked for")
    page.say("signed")
    page.acked(1)
    assert page.js("return errors") == [], "the connection was lost"


def test_a_token_that_is_refused(new_window, jwt_node):
    page = Page(new_window(), jwt_node, identity="ada")
    page.js("window.tokens = arguments[0]", ["no.real.token", "nor.is.this"])
    page.start()
    page.eventually("roost.state === 'disconnected' && roost.lost?.code === 4501", "the refusal")
    assert page.js("return tokensAsked") == 2
