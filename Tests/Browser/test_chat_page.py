"""The web chat at `/`, in real browsers, against a real server on a SQLite file."""

import json
import urllib.parse

import pytest
from conftest import PATIENCE, SERVER_AWAY, requested
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# Sockets that the test can see, hold back and answer for the server; no waiting between attempts.
PUPPET_SOCKETS = """
    window.sockets = [];
    window.held = [];
    const Real = WebSocket;
    window.WebSocket = class extends Real {
        constructor(...given) { super(...given); sockets.push(this); }
        send(text) {
            const frame = JSON.parse(text);
            if (window.holding && frame.type === "message") held.push(frame); else super.send(text);
        }
    };
    window.answer = (frame) => sockets.at(-1).dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
    window.close = (code, reason) => sockets.at(-1).dispatchEvent(new CloseEvent("close", { code, reason }));
    Math.random = () => 0;
"""


@pytest.fixture
def ada(window, node):
    return window.open(node.url + "/").joined()


@pytest.fixture
def ben(new_window, node, ada):
    return new_window().open(node.url + "/").joined()


def fence(*windows):
    """Everything said before has arrived when this has: a room keeps its order."""
    windows[0].say("that is all")
    for window in windows:
        window.hears("that is all")


def test_two_windows_talk(ada, ben):
    ada.rename("Ada Lindqvist")
    ada.connected()
    ada.say("Good morning")
    ben.hears("Good morning")
    ben.say("Morning, Ada")
    ada.hears("Morning, Ada")
    fence(ada, ben)
    for window, own in ((ada, ["Good morning", "that is all"]), (ben, ["Morning, Ada"])):
        assert window.messages() == ["Good morning", "Morning, Ada", "that is all"]
        assert window.messages(".own") == own
    author = ben.driver.find_element(By.CSS_SELECTOR, "#messages .message:first-child .author")
    ben.wait(lambda: author.text == "Ada Lindqvist", "the author's name")


def test_people_come_and_go(ada, new_window, node):
    ada.wait(lambda: ada.text_of("here") == "only you", "one person")
    ben = new_window().open(node.url + "/").joined()
    names = {ada.find("name").get_attribute("value"), ben.find("name").get_attribute("value")}
    for window in (ada, ben):
        window.wait(lambda: len(window.people()) == 2 and set(window.people()) == names, f"{names} to be here")
        assert window.text_of("here") == "2 here"
    ben.open("about:blank")
    ada.wait(lambda: ada.text_of("here") == "only you" and len(ada.people()) == 1, "the other to be gone")


def test_a_reload_shows_history(ada, node):
    said = ["one", "two", "three"]
    for text in said:
        ada.say(text)
        ada.hears(text)
    ada.driver.refresh()
    ada.joined()
    assert ada.messages() == said
    assert ada.messages(".own") == said, "the page has forgotten who it is"
    assert node.contents("general") == said


def test_content_is_shown_as_text(ada, node):
    markup = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    field = ada.find("text")
    field.send_keys(markup, Keys.SHIFT + Keys.ENTER + Keys.NULL, "second line", Keys.ENTER)
    ada.hears(f"{markup}\nsecond line")
    node.publish("general", {"score": [1, 2], "ok": True})
    node.publish("general", 42)
    ada.hears("42")
    assert ada.messages()[-2:] == ['{"score":[1,2],"ok":true}', "42"]
    assert not ada.driver.find_elements(By.CSS_SELECTOR, "#messages img, #messages b")
    ada.allow(r"/users/\S+ - Failed to load resource: .* 404")  # the publisher need not be a known user


def test_a_power_cut_loses_and_doubles_nothing(ada, ben, node):
    for window in (ada, ben):
        window.allow(SERVER_AWAY)
    ada.say("before")
    ben.hears("before")
    node.kill()
    for window in (ada, ben):
        window.wait(lambda: "Connection lost" in window.text_of("status"), "the page to say that the connection is lost")
    ada.say("written meanwhile")
    ada.wait(lambda: ada.messages(".pending") == ["written meanwhile"], "the message to be shown as not yet sent")
    assert "Will be sent when connected" in ada.text_of("messages")
    node.start()
    for window in (ada, ben):
        window.connected()
        window.hears("written meanwhile")
    fence(ben, ada)
    for window in (ada, ben):
        assert window.messages() == ["before", "written meanwhile", "that is all"]
    assert node.contents("general") == ["before", "written meanwhile", "that is all"]


def test_what_was_said_while_the_page_was_away_arrives_once(ada, node):
    ada.allow(SERVER_AWAY)
    ada.allow(r"/users/\S+ - Failed to load resource: .* 404")
    ada.say("before")
    ada.hears("before")
    node.kill()
    ada.wait(lambda: "Connection lost" in ada.text_of("status"), "the page to say that the connection is lost")
    node.start(port=0)  # where the page can't see it
    missed = [f"missed {number}" for number in range(70)]  # more than a first join shows
    for text in missed:
        node.publish("general", text)
    node.stop()
    node.start()
    ada.connected()
    fence(ada)
    assert ada.messages() == ["before", *missed, "that is all"]


def test_older_messages_are_loaded_without_jumping(window, node):
    window.allow(r"/users/\S+ - Failed to load resource: .* 404")
    texts = [f"number {number}" for number in range(1, 121)]
    for text in texts:
        node.publish("general", text)
    window.open(node.url + "/").joined()
    assert window.messages() == texts[70:]
    for shown in (100, 120):
        window.js("document.getElementById('scroller').scrollTop = 0")
        first = window.driver.find_element(By.CSS_SELECTOR, "#messages .message .content")
        before = first.rect["y"]
        window.find("older").click()
        window.wait(lambda: len(window.messages()) == shown, f"{shown} messages")
        assert window.messages() == texts[-shown:]
        assert abs(first.rect["y"] - before) < 60, "what was being read has jumped"
    window.wait(lambda: not window.find("older").is_displayed(), "no more to load")


def test_rooms_are_apart_and_have_an_address(ada, ben, node):
    rooms = [link.text for link in ada.driver.find_elements(By.CSS_SELECTOR, "#rooms a")]
    assert {"general", "support", "random"} <= set(rooms)
    ada.driver.find_element(By.LINK_TEXT, "support").click()
    ada.joined()
    ada.say("in support")
    ada.hears("in support")
    ada.find("room-name").send_keys("team:ops", Keys.ENTER)
    ada.wait(lambda: ada.text_of("room-title") == "team:ops", "the other room")
    ada.say("in team:ops")
    ada.hears("in team:ops")
    assert ada.driver.current_url == node.url + "/#team:ops"
    assert ada.messages() == ["in team:ops"]
    ada.driver.back()
    ada.hears("in support")
    fence(ben)
    assert ben.messages() == ["that is all"], "the other rooms were heard in general"
    ben.open("about:blank").open(node.url + "/#team:ops").joined()
    assert ben.messages() == ["in team:ops"]


def test_a_name_is_kept_and_told(ada, ben):
    ada.rename("Ada of Arc")
    ada.connected()
    ada.wait(lambda: "Ada of Arc" in ada.people(), "one's own new name")
    ada.driver.refresh()
    ada.joined()
    assert ada.find("name").get_attribute("value") == "Ada of Arc"
    ben.driver.refresh()
    ben.wait(lambda: "Ada of Arc" in ben.people(), "the other to see the new name")


def test_a_refused_message_can_be_sent_again(window, node):
    window.run_first(PUPPET_SOCKETS)
    window.open(node.url + "/").joined()
    window.js("window.holding = true")
    window.say("once more")
    window.wait(lambda: window.messages(".pending") == ["once more"], "a message that is pending")
    assert node.contents("general") == []
    window.js("answer({type: 'error', messageId: held[0].messageId, payload: {code: 'rate_limited', reason: 'Too fast.'}})")
    window.wait(lambda: window.messages(".failed") == ["once more"], "a message that has failed")
    assert "Too fast." in window.text_of("messages")
    window.js("window.holding = false")
    window.driver.find_element(By.XPATH, "//button[text()='Retry']").click()
    window.hears("once more")
    fence(window)
    assert window.messages() == ["once more", "that is all"]
    stored = node.history("general")[0]
    assert stored["content"] == "once more"
    assert stored["messageId"] == window.js("return held[0].messageId"), "a retry is the same message"


def test_a_lost_ack_does_not_double_the_message(window, node):
    """The server has stored it, the connection breaks before the page knows: it is sent again as the same message."""
    window.run_first(PUPPET_SOCKETS)
    window.open(node.url + "/").joined()
    window.js("""
        const socket = sockets.at(-1), listener = socket.onmessage;
        socket.onmessage = (event) => ["ack", "message"].includes(JSON.parse(event.data).type) || listener(event);
    """)
    window.say("only once")
    window.wait(lambda: node.contents("general") == ["only once"], "the server to store it")
    assert window.messages(".pending") == ["only once"]
    window.js("close(1006, '')")
    window.hears("only once")
    fence(window)
    assert window.messages() == ["only once", "that is all"]
    assert node.contents("general") == ["only once", "that is all"]


def test_a_message_that_is_too_long_fails_alone(ada):
    ada.js("document.getElementById('text').value = 'x'.repeat(70000)")
    ada.say("")
    ada.wait(lambda: len(ada.messages(".failed")) == 1, "the message to fail")
    ada.say("a short one")
    ada.hears("a short one")
    ada.driver.find_element(By.XPATH, "//button[text()='Discard']").click()
    assert ada.messages() == ["a short one"]
    assert ada.text_of("status") == "Connected"


def test_close_codes_say_what_to_do_next(window, node):
    window.run_first(PUPPET_SOCKETS)
    window.open(node.url + "/").joined()
    sockets = 1
    for code in (1001, 1006, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4005, 4006, 4499):
        window.js("close(arguments[0], 'Come back.')", code)
        sockets += 1
        window.wait(lambda: window.js("return sockets.length") == sockets, f"another attempt after {code}")
        window.connected()
    for code in (1000, 1002, 1003, 1007, 1009, 4500, 4501, 4503, 4504, 4999):
        window.js("close(arguments[0], 'Go away.')", code)
        window.wait(lambda: f"Go away. ({code})" in window.text_of("status"), f"the reason of {code} in words")
        with pytest.raises(TimeoutException):  # an attempt would follow at once, since Math.random gives 0
            window.wait(lambda: window.js("return sockets.length") > sockets, "no attempt", patience=0.3)
        window.find("reconnect").click()
        sockets += 1
        window.connected()


def test_backoff_has_full_jitter_and_a_bound(ada, node):
    delays = ada.driver.execute_async_script("""
        const done = arguments[0];
        import("/protocol.js").then(({ backoff }) =>
            done([0, 0.5, 1].map((random) => [0, 1, 2, 5, 6, 50].map((attempt) => backoff(attempt, () => random)))));
    """)
    assert delays == [[0] * 6, [250, 500, 1000, 8000, 10000, 10000], [500, 1000, 2000, 16000, 20000, 20000]]


def test_advice_to_reconnect_is_followed(window, node):
    """With the server's advice of no delay, the page does not wait out its own backoff."""
    window.run_first(PUPPET_SOCKETS)
    window.open(node.url + "/").joined()
    window.js("Math.random = () => 1000")
    window.js("answer({type: 'reconnect', payload: {afterMs: 0, reason: 'draining'}}); close(4001, 'Draining.')")
    window.wait(lambda: window.js("return sockets.length") == 2, "an attempt at once")
    window.connected()
    window.js("close(4001, 'Draining.')")
    window.wait(lambda: "in 500 s" in window.text_of("status"), "without advice, the page's own backoff")


def test_another_epoch_replaces_what_was_shown(window, node):
    """A restored server has another log: the page forgets the old one and shows that."""
    window.run_first(PUPPET_SOCKETS)
    window.open(node.url + "/").joined()
    window.say("in the log")
    window.hears("in the log")
    window.js("""
        const listener = sockets.at(-1).onmessage;
        const foreign = JSON.stringify({type: "message", messageId: "m", timestamp: new Date().toISOString(),
            payload: {room: "general", seq: 2, sender: "s", content: "in a log that was lost"}});
        listener({data: foreign});
        const room = {room: "general", epoch: "another", head: 7, recovered: false};
        listener({data: JSON.stringify({type: "joined", messageId: "unasked", payload: room})});
    """)
    window.wait(lambda: window.messages() == [], "the old messages to go")
    assert "started anew" in window.text_of("messages")
    window.allow(r"/users/s - Failed to load resource: .* 404")


def test_nothing_leaves_the_house_and_nothing_runs_inline(ada, node):
    house = urllib.parse.urlsplit(node.url).netloc
    ada.say("hello")
    ada.hears("hello")
    ada.driver.find_element(By.LINK_TEXT, "random").click()
    ada.joined()
    asked = requested(ada)
    assert {"/", "/chat.css", "/chat.js", "/rooms", "/ws"} <= {urllib.parse.urlsplit(url).path for url in asked}
    assert {urllib.parse.urlsplit(url).netloc for url in asked} == {house}
    assert ada.js("return violations") == []

    # The same policy that the page keeps would have stopped others: a script in the page, one from another host.
    ada.js("""
        for (const [key, value] of [["textContent", "window.owned = true"], ["src", "http://127.0.0.2:9/owned.js"]]) {
            const script = document.createElement("script");
            script[key] = value;
            document.head.append(script);
        }
        document.head.lastElementChild.onerror = () => { window.refused = true; };
    """)
    ada.wait(lambda: len(ada.js("return violations")) >= 2, "both to be refused")
    assert ada.js("return window.owned") is None
    assert ada.console_errors() != []  # takes them off the log, where the window's end would find them


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_everything_within_its_width(window, node, width):
    window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 700, "deviceScaleFactor": 2, "mobile": True})
    window.open(f"{node.url}/#{'long-name-of-a-room-' * 5}").joined()
    window.find("menu").click()
    window.wait(lambda: window.find("name").is_displayed(), "the side")
    window.rename("W" * 40)
    window.joined()
    for text in ("x" * 400, "https://example.org/" + "path/" * 60, "short"):
        window.say(text)
        window.hears(text)
    window.js("document.getElementById('text').value = 'y'.repeat(70000)")
    window.say("")
    window.wait(lambda: window.messages(".failed"), "a failed message with its buttons")
    window.find("menu").click()
    window.wait(lambda: window.find("side").rect["x"] == 0, "the side to have slid in")
    outside = """
        const wide = [document.documentElement, document.body, document.getElementById("scroller")]
            .filter((box) => box.scrollWidth > box.clientWidth).map((box) => `${box.tagName} scrolls`);
        const clipped = (element) => element && (getComputedStyle(element).clipPath !== "none" || clipped(element.parentElement));
        const over = [...document.querySelectorAll("body *")]
            .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !clipped(element))
            .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5
                || element.getBoundingClientRect().left < -0.5)
            .map((element) => element.outerHTML.slice(0, 80));
        return [innerWidth, wide, over];
    """
    assert window.js(outside) == [width, [], []]
    window.wait(lambda: window.find("menu").is_displayed(), "the menu's button")
    assert window.find("side").rect["width"] < width
