"""Lines are there for good, pointers while they move."""

import requests
from browser import PATIENCE
from selenium.webdriver.common.action_chains import ActionChains


def circles(page):
    return page.js("return document.querySelectorAll('#pointers circle').length")


def lines(page):
    return page.js("return [...document.querySelectorAll('#lines polyline')].map((line) => line.getAttribute('points'))")


def draw(page, *moves):
    """Presses the button in the middle of the board, moves, lets go."""
    actions = ActionChains(page.window.driver, duration=20).move_to_element(page.window.find("board")).click_and_hold()
    for move in moves:
        actions.move_by_offset(*move)
    actions.release().perform()


def test_lines_are_seen_at_once_and_by_who_comes_later(open_example):
    ada, ben = open_example("whiteboard").connected(), open_example("whiteboard").connected()
    draw(ada, (40, 0), (0, 40))
    for page in (ada, ben):
        page.window.wait(lambda: len(lines(page)) == 1, "a line")
    draw(ben, (-40, 0), (0, -40))
    ada.window.wait(lambda: len(lines(ada)) == 2, "two lines")
    drawn = lines(ada)
    # From the middle of the board to the right and down, in the board's own measures.
    assert drawn[0].startswith("500,375 ") and drawn[1].startswith("500,375 ")
    (x, y) = map(int, drawn[0].split()[-1].split(","))
    assert x > 550 and y > 420
    ben.reload()
    ben.connected()
    ben.window.wait(lambda: lines(ben) == drawn, "the same lines after a reload")


def test_pointers_are_seen_until_they_go(open_example):
    ada, ben = open_example("whiteboard").connected(), open_example("whiteboard").connected()
    board = ada.window.find("board")
    ActionChains(ada.window.driver, duration=20).move_to_element(board).perform()
    ben.window.wait(lambda: circles(ben) == 1, "ada's pointer")
    assert circles(ada) == 0, "one's own pointer is the mouse's"
    ActionChains(ada.window.driver, duration=20).move_to_element(ada.window.find("status")).perform()
    ben.window.wait(lambda: circles(ben) == 0, "ada's pointer to have left the board")


def test_pointers_of_users_who_have_gone_are_not_shown(open_example):
    ada, ben = open_example("whiteboard").connected(), open_example("whiteboard").connected()
    ActionChains(ada.window.driver, duration=20).move_to_element(ada.window.find("board")).perform()
    ben.window.wait(lambda: circles(ben) == 1, "ada's pointer")
    ada.js("WebSocket.prototype.send = () => {}; location.href = 'about:blank'")
    ben.window.wait(lambda: circles(ben) == 0, "ada to have left")


def test_pointers_are_throttled(open_example):
    ada = open_example("whiteboard").connected()
    sent = ada.window.driver.execute_async_script("""
        const done = arguments[0];
        const send = WebSocket.prototype.send;
        let count = 0;
        WebSocket.prototype.send = function (text) {
          count += text.includes("pointers:demo") && text.includes('"message"');
          send.call(this, text);
        };
        const began = performance.now();
        const board = document.getElementById("board");
        (function move() {
          for (let i = 0; i < 10; i++) board.dispatchEvent(new PointerEvent("pointermove", { clientX: i, clientY: i }));
          if (performance.now() - began < 500) requestAnimationFrame(move);
          else done(count);
        })()""")
    assert 1 <= sent <= 11, f"{sent} messages in half a second"


def test_pointers_are_hardly_kept(node):
    places = [{"room": "pointers:demo", "content": [x, x]} for x in range(200)]
    assert requests.post(f"{node.url}/messages", json=places, timeout=PATIENCE).status_code == 200
    kept = requests.get(f"{node.url}/rooms/pointers:demo/messages", params={"limit": 1000}, timeout=PATIENCE).json()
    assert [message["content"] for message in kept] == [[x, x] for x in range(150, 200)]
