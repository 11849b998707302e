"""Each match shows its latest score, to who comes late too."""

import requests
from browser import PATIENCE
from conftest import run_script


def push(node, match, home, away):
    run_script("scores/score.sh", match, str(home), str(away), ROOST=node.url)


def test_the_latest_score_of_each_match(open_example, node):
    early = open_example("scores").connected()
    early.shows(".score", "not begun", "not begun", "not begun")
    push(node, "ajax-porto", 0, 0)
    push(node, "ajax-porto", 1, 0)
    push(node, "torino-malmo", 0, 3)
    early.shows(".score", "1 : 0", "not begun", "0 : 3")
    for away in range(1, 4):
        push(node, "celtic-lyon", 0, away)
    late = open_example("scores").connected()
    late.shows(".score", "1 : 0", "0 : 3", "0 : 3")
    push(node, "torino-malmo", 1, 3)
    for page in (early, late):
        page.shows(".score", "1 : 0", "0 : 3", "1 : 3")


def test_only_servers_say_the_score(node):
    answer = requests.post(f"{node.url}/rooms/score:ajax-porto/messages?user=ben", json={"content": {}}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_server_that_was_started_again_has_forgotten(open_example, node):
    page = open_example("scores", matches="ajax-porto").connected()
    push(node, "ajax-porto", 2, 2)
    page.shows(".score", "2 : 2")
    node.kill()
    node.start()
    page.shows(".score", "not begun")
    push(node, "ajax-porto", 0, 1)
    page.shows(".score", "0 : 1")
