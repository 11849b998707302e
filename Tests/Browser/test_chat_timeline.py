"""The web chat's messages: a window over the log, what is pending, failed, deleted, read; unread counts; who types."""

import pytest
import requests
from conftest import PATIENCE, SERVER_AWAY, Node
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

NOBODY_KNOWN = r"/users/\S+ - Failed to load resource: .* 404"  # a publisher need not be a known user
MOST_ELEMENTS = 360  # 300 of the log, 60 on their way
MOST_HEAP = 40 * 1024 * 1024

# Scrolls by what one sees at a time until there is no further, and tells the order in which texts came by.
TRAVEL = """
    const [goUp] = given;
    const scroller = document.getElementById("scroller");
    const seen = [];
    let most = 0;
    const contents = () => [...document.querySelectorAll("#messages .content")].map((content) => Number(content.textContent));
    const isThere = () => {
        const shown = contents();
        return goUp ? shown[0] === 1 && scroller.scrollTop === 0 : shown.at(-1) === given[1] && document.getElementById("newest").hidden;
    };
    while (!isThere()) {
        scroller.scrollTop = goUp ? 0 : scroller.scrollHeight;
        await new Promise((drawn) => requestAnimationFrame(drawn));
        const shown = contents();
        most = Math.max(most, shown.length);
        for (let at = 1; at < shown.length; at += 1) if (shown[at] !== shown[at - 1] + 1) throw new Error(`${shown[at]} after ${shown[at - 1]}`);
        if (seen.at(-1) !== shown[0]) seen.push(shown[0]);
    }
    return { most, stops: seen.length };
"""


@pytest.fixture
def ada(window, node):
    window.allow(NOBODY_KNOWN)
    window.allow(SERVER_AWAY)
    return window.open(node.url + "/").joined()


def used_heap(window):
    for command in ("HeapProfiler.collectGarbage", "Performance.enable"):
        window.driver.execute_cdp_cmd(command, {})
    metrics = window.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")


def test_fifty_thousand_messages_are_scrolled_through_both_ways(window, node):
    window.allow(NOBODY_KNOWN)
    total = 50_000
    node.publish_many("general", list(range(1, total + 1)))
    window.driver.set_script_timeout(150)
    window.open(node.url + "/").joined()
    window.hears(str(total))
    before = used_heap(window)
    up = window.in_app(TRAVEL, True)
    assert window.text_of("edge") == "This is where it all began."
    assert window.messages()[:2] == ["1", "2"]
    down = window.in_app(TRAVEL, False, total)
    assert max(up["most"], down["most"]) <= MOST_ELEMENTS
    assert min(up["stops"], down["stops"]) > 200, "the pages did not come one after another"
    assert used_heap(window) - before < MOST_HEAP
    node.publish("general", total + 1)
    window.hears(str(total + 1))


def test_what_is_read_holds_still_while_older_messages_come(ada, node):
    node.publish_many("general", [f"number {number}" for number in range(1, 901)])
    ada.hears("number 900")
    jumps = ada.in_app("""
        const scroller = document.getElementById("scroller");
        const jumps = [];
        while (!document.getElementById("edge").textContent.includes("began")) {
            const first = document.querySelector("#messages .message");
            scroller.scrollTop = 500;
            const content = [...document.querySelectorAll("#messages .content")]
                .find((content) => content.getBoundingClientRect().top > 100);
            const place = content.getBoundingClientRect().top;
            const deadline = performance.now() + 5000;
            while (document.querySelector("#messages .message") === first && performance.now() < deadline) {
                await new Promise((drawn) => requestAnimationFrame(drawn));
            }
            jumps.push(Math.abs(content.getBoundingClientRect().top - place));
        }
        return jumps;
    """)
    assert len(jumps) >= 2 and max(jumps) <= 1, jumps


def test_new_messages_are_counted_while_the_reader_is_elsewhere(ada, node):
    node.publish_many("general", [f"number {number}" for number in range(1, 81)])
    ada.hears("number 80")
    ada.js("document.getElementById('scroller').scrollTop = 300")
    ada.wait(lambda: ada.text_of("newest") == "Newest messages", "the way to the newest messages")
    place = ada.js("return document.getElementById('scroller').scrollTop")
    node.publish("general", "one more")
    ada.wait(lambda: ada.text_of("newest") == "1 new message", "it to be counted")
    node.publish("general", "and another")
    ada.wait(lambda: ada.text_of("newest") == "2 new messages", "both to be counted")
    assert ada.js("return document.getElementById('scroller').scrollTop") == place, "what was being read has moved"
    assert ada.js("return document.getElementById('announcer').innerText").splitlines()[-1].endswith("and another")
    ada.find("newest").click()
    ada.wait(lambda: not ada.find("newest").is_displayed(), "the button to go")
    assert ada.messages()[-2:] == ["one more", "and another"]


def test_a_thousand_messages_written_offline_arrive_once_and_in_order(ada, node):
    ada.say("before")
    ada.hears("before")
    node.kill()
    ada.wait(lambda: "Connection lost" in ada.text_of("status"), "the loss to be told")
    written = [f"written {number}" for number in range(1000)]
    ada.in_app("for (const text of given[0]) app.room.send(text);", written)
    ada.wait(lambda: ada.messages(".pending")[-1:] == written[-1:], "the last to be shown as pending")
    assert len(ada.messages()) <= MOST_ELEMENTS
    assert ada.text_of("waiting") == f"{1000 - len(ada.messages('.pending'))} earlier messages of yours wait to be sent."
    node.start()
    ada.connected()
    ada.hears(written[-1])
    ada.wait(lambda: not ada.messages(".pending"), "nothing to wait")
    stored = requests.get(f"{node.url}/rooms/general/messages?limit=1000&after=1", timeout=PATIENCE).json()
    assert [message["content"] for message in stored] == written
    shown = ada.messages()
    assert shown == written[-len(shown):] and len(shown) <= MOST_ELEMENTS


@pytest.mark.parametrize("choice", ["Retry", "Discard"])
def test_a_failed_message_can_be_sent_again_or_given_up(new_window, tmp_path, choice):
    """Its author may not write there, until the server is started with other rules."""
    config = tmp_path / "config.json"
    config.write_text('{"kinds": [{"match": "board", "publish": "servers"}]}')
    node = Node(tmp_path, "--config", str(config)).start()
    window = new_window()
    window.allow(SERVER_AWAY)
    window.open(node.url + "/#board").joined()
    window.say("may I?")
    window.wait(lambda: window.messages(".failed") == ["may I?"], "the message to fail")
    assert "Not sent." in window.text_of("messages")
    config.write_text("{}")
    node.stop()
    node.start()
    window.wait(lambda: "Connection lost" not in window.text_of("status"), "another connection")
    window.connected()
    window.driver.find_element(By.XPATH, f"//button[text()='{choice}']").click()
    if choice == "Retry":
        window.hears("may I?")
    else:
        window.wait(lambda: window.messages() == [], "the message to go")
    window.say("that is all")
    window.hears("that is all")
    expected = ["may I?", "that is all"] if choice == "Retry" else ["that is all"]
    assert window.messages() == node.contents("board") == expected
    window.driver.get("about:blank")
    node.stop()


def test_a_deleted_message_is_shown_as_deleted(ada, node):
    for text in ("keep", "regret"):
        ada.say(text)
        ada.hears(text)
    ada.driver.refresh()  # so it comes from the history
    ada.joined()
    message = node.history("general")[-1]
    answer = requests.delete(f"{node.url}/rooms/general/messages/{message['messageId']}", timeout=PATIENCE)
    assert answer.status_code == 204
    gone = ["keep", "This message was deleted."]
    ada.wait(lambda: ada.messages() == gone, "the content to go")
    ada.driver.refresh()
    ada.joined()
    ada.wait(lambda: ada.messages() == gone and ada.messages(".deleted") == gone[1:], "the same after a reload")


def test_unread_messages_are_counted_by_room(ada, node):
    node.publish_many("random", ["before"])
    ada.wait(lambda: ada.unread("random") == "1", "what is said now to be counted")
    node.publish_many("support", ["one", "two"])
    ada.wait(lambda: ada.unread("support") == "2", "two to be unread")
    assert ada.driver.title == "(3) general · Roost"
    ada.room("support").click()
    ada.hears("two")
    ada.wait(lambda: ada.unread("support") == "" and ada.driver.title == "(1) support · Roost", "support to be read")
    node.publish("general", "meanwhile")
    ada.wait(lambda: ada.unread("general") == "1", "the room that was left to be listened to")

    def told():
        rooms = requests.get(f"{node.url}/rooms", params={"user": ada.in_app("return app.roost.user")}, timeout=PATIENCE).json()
        return {room["id"]: room["unread"] for room in rooms}
    ada.wait(lambda: told()["support"] == 0, "the server to be told what was read")
    ada.driver.refresh()
    ada.joined()
    ada.wait(lambda: (ada.unread("random"), ada.unread("general")) == ("1", "1"), "unread counts from before")


def test_who_is_typing_and_who_has_read(new_window, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"kinds": [{"match": "*", "receipts": true}]}')
    node = Node(tmp_path, "--config", str(config)).start()
    ada, ben = (new_window().open(node.url + "/").joined() for _ in range(2))
    ben.rename("Ben Okafor")
    ben.joined()
    ben.find("text").send_keys("a dra")
    ada.wait(lambda: ada.text_of("typing") == "Ben Okafor is typing…", "who is typing")
    ben.find("text").send_keys("ft", Keys.ENTER)
    ada.hears("a draft")
    ada.wait(lambda: ada.text_of("typing") == "", "nobody to be typing")
    ben.wait(lambda: "Read by 1" in ben.text_of("messages"), "the receipt")
    ben.driver.find_element(By.CSS_SELECTOR, ".readers summary").click()
    assert ada.find("name").get_attribute("value") in ben.text_of("messages")
    for window in (ada, ben):
        window.driver.get("about:blank")
    node.stop()
