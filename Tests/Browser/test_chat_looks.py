"""The web chat as it is seen and used: on phones, by keyboard, in light and dark, within its own house."""

import urllib.parse

import pytest
from conftest import SERVER_AWAY, requested
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

# What of the page is wider than the window.
OUTSIDE = """
    const wide = [document.documentElement, document.body, document.getElementById("scroller")]
        .filter((box) => box.scrollWidth > box.clientWidth).map((box) => `${box.tagName} scrolls`);
    const clipped = (element) => element && (getComputedStyle(element).clipPath !== "none" || clipped(element.parentElement));
    const over = [...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !clipped(element))
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 || element.getBoundingClientRect().left < -0.5)
        .map((element) => element.outerHTML.slice(0, 80));
    return [innerWidth, wide, over];
"""

# Every text that can be seen, with the contrast between it and what is painted behind it (WCAG 2, 1.4.3).
CONTRASTS = """
    const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colours) => {
        paint.clearRect(0, 0, 1, 1);
        for (const colour of colours) {
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
        }
        return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (colours) => {
        const [red, green, blue] = rgba(colours).map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => element ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : ["white"];
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const { data, parentElement: element } = texts.currentNode;
        const clipped = element.closest(".unseen, .follows .meta, .own .author, [hidden]");
        if (!data.trim() || clipped || !element.checkVisibility({ visibilityProperty: true })) continue;
        const back = behind(element);
        const [light, dark] = [luminance(back), luminance([...back, getComputedStyle(element).color])].sort((a, b) => b - a);
        found.push([(light + 0.05) / (dark + 0.05), data.trim().slice(0, 30), element.className]);
    }
    return found;
"""


@pytest.fixture
def full(window, node):
    """A page with something of everything on it."""
    node.publish_many("random", ["unread"])
    window.allow(SERVER_AWAY)
    window.allow(r"/users/\S+ - Failed to load resource")  # nobody of these is known, and the server goes
    window.open(node.url + "/").joined()
    for name in ("ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "jo", "kim", "lee", "mia", "noa"):
        window.in_app("app.room.hear({ type: 'user_joined', room: 'general', user: given[0], name: given[0] })", name)
    node.publish("general", "see https://example.org/")
    window.hears("see https://example.org/")
    window.in_app("""
        const { epoch, seq } = app.room.position;
        [..."abcdefghijklmnopqrst"].forEach((sender, at) => app.room.hear({ type: "message", room: "general", seq: seq + 1 + at,
            messageId: `of-${sender}`, sender, content: at ? `I am ${sender}` : { json: true }, at: new Date().toISOString() }));
        app.room.hear({ type: "typing", room: "general", user: "ada", active: true });
    """)
    node.kill()
    window.wait(lambda: "Connection lost" in window.text_of("status"), "the loss to be told")
    window.say("fails")
    window.say("waits")
    window.in_app("""
        const { messageId } = app.room.messages.find(({ state }) => state === "pending");
        app.room.hear({ type: "failed", room: "general", messageId, code: "rate_limited", reason: "Too fast." });
    """)
    window.wait(lambda: window.messages(".failed") == ["fails"] and window.messages(".pending") == ["waits"], "both kinds")
    return window


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(full, scheme):
    full.emulate_scheme(scheme)
    found = full.js(CONTRASTS)
    shown = {text for _, text, _ in found}
    assert {"Today", "fails", "waits", "Retry", "general", "1", "ada is typing…"} <= shown, shown
    assert [text for text in found if text[0] < 4.5] == []


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_one_pane_at_a_time_within_its_width(window, node, width):
    window.emulate_screen(width, 700)
    window.open(f"{node.url}/#{'long-name-of-a-room-' * 5}").joined()
    assert window.find("text").is_displayed() and not window.find("rooms").is_displayed()
    window.find("back").click()
    window.wait(lambda: window.find("name").is_displayed(), "the rooms")
    assert not window.find("text").is_displayed()
    window.rename("W" * 40)
    assert window.js(OUTSIDE) == [width, [], []]
    window.js("document.querySelector('#rooms [aria-current]').click()")
    window.joined()
    for text in ("x" * 400, "https://example.org/" + "path/" * 60, "short"):
        window.say(text)
        window.hears(text)
    window.js("document.getElementById('text').value = 'y'.repeat(70000)")
    window.say("")
    window.wait(lambda: window.messages(".failed"), "a failed message with its buttons")
    assert window.js(OUTSIDE) == [width, [], []]
    window.find("here").click()
    window.wait(lambda: window.find("people").is_displayed(), "the people")
    assert not window.find("text").is_displayed()
    assert window.js(OUTSIDE) == [width, [], []]
    window.find("close-people").click()
    window.wait(lambda: window.find("text").is_displayed(), "the room again")


def test_everything_goes_by_keyboard(window, node):
    node.publish("support", "hello")
    window.allow(r"/users/\S+ - Failed to load resource: .* 404")
    window.open(node.url + "/").joined()
    window.wait(lambda: window.rooms()[0] == "support", "the room with the latest message first")

    def press(*keys):
        ActionChains(window.driver).send_keys(*keys).perform()

    def focused():
        return window.js("const { id, href } = document.activeElement; return id || href?.split('#')[1] || ''")

    window.js("document.activeElement.blur()")
    reached = []
    for _ in range(20):
        press(Keys.TAB)
        reached.append(focused())
    wanted = ["support", "general", "random", "room-name", "name", "here", "scroller", "text"]
    assert [name for name in reached if name in wanted][:len(wanted)] == wanted, reached
    window.js("document.querySelector('#rooms a').focus()")
    press(Keys.ARROW_DOWN)
    assert focused() == "general"
    press(Keys.ARROW_UP, Keys.ENTER)
    window.wait(lambda: window.text_of("room-title") == "support" and focused() == "text", "the other room, ready to write in")
    window.joined()
    press("by hand", Keys.ENTER)
    window.hears("by hand")
    press("a draft")
    window.driver.back()
    window.wait(lambda: window.text_of("room-title") == "general", "the first room")
    assert window.find("text").get_attribute("value") == ""
    window.driver.forward()
    window.wait(lambda: window.find("text").get_attribute("value") == "a draft", "the draft")
    unnamed = window.js("""return [...document.querySelectorAll("button, input, textarea, a")].filter((element) =>
        !(element.ariaLabel || element.labels?.length || element.textContent.trim())).map((element) => element.outerHTML)""")
    assert unnamed == []


def test_nothing_leaves_the_house_and_nothing_runs_inline(window, node):
    house = urllib.parse.urlsplit(node.url).netloc
    window.open(node.url + "/").joined()
    window.say("hello")
    window.hears("hello")
    window.wait(lambda: "random" in window.rooms(), "the rooms there are")
    window.room("random").click()
    window.joined()
    asked = requested(window)
    assert {"/", "/chat.css", "/chat.js", "/roost.js", "/rooms"} <= {urllib.parse.urlsplit(url).path for url in asked}
    assert {urllib.parse.urlsplit(url).netloc for url in asked} == {house}
    assert window.js("return violations") == []

    # The same policy that the page keeps would have stopped others: a script in the page, one from another host, a socket.
    window.js("""
        for (const [key, value] of [["textContent", "window.owned = true"], ["src", "http://127.0.0.2:9/owned.js"]]) {
            const script = document.createElement("script");
            script[key] = value;
            document.head.append(script);
        }
        try { new WebSocket("ws://127.0.0.2:9/"); } catch {}
    """)
    window.wait(lambda: len(window.js("return violations")) >= 3, "all to be refused")
    assert window.js("return window.owned") is None
    assert window.console_errors() != []  # takes them off the log, where the window's end would find them
