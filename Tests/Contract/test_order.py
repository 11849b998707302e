"""The order of one connection's messages when one of them is refused (contract, section 3).

"Messages of one connection to one room keep their order: after one is refused for a passing cause, its later ones are
refused too until the client sends again." """

import pytest

from checks import is_integer, let_pass, read_backwards

# A burst of 10, then as good as nothing for a pipeline of some milliseconds.
SLOW = ("--rate-limit-messages", "20", "--rate-limit-burst", "10")
PASSING = ("rate_limited", "unavailable", "conflict")


class Pipeline:
    """A client that sends numbered messages to one room, and what became of each."""

    def __init__(self, client, room, count):
        self.client, self.room = client, room
        self.ids = [f"m-{number}-{room}" for number in range(count)]

    def send(self, indexes):
        """Sends these without waiting, then reads the answers: index → answer."""
        for index in indexes:
            self.client.send("message", {"room": self.room, "content": index}, self.ids[index])
        return {index: self.client.reply(self.ids[index]) for index in indexes}

    def send_all(self):
        """Sends all; returns the index of the first that was refused and its error."""
        answers = self.send(range(len(self.ids)))
        refused = [index for index, answer in answers.items() if answer["type"] == "error"]
        assert refused, "nothing was refused"
        assert answers[refused[0]].payload["code"] == "rate_limited"
        assert refused == list(range(refused[0], len(self.ids))), "one was let in after an earlier one was refused"
        assert {answers[index].payload["code"] for index in refused} <= set(PASSING)
        return refused[0], answers[refused[0]].payload


@pytest.fixture
def limited(start_node):
    return start_node(*SLOW)


@pytest.fixture
def refused(limited, native, room, alice):
    """A pipeline of 25 messages, refused from some index on, and the time to wait has passed: (pipeline, index)."""
    pipeline = Pipeline(native(limited, user=alice), room, 25)
    first, error = pipeline.send_all()
    assert first >= 10
    assert is_integer(error["retryAfterMs"]) and error["retryAfterMs"] > 0
    wait(error)
    return pipeline, first


def wait(error):
    let_pass(error.get("retryAfterMs", 50) / 1000 + 0.3)


def send_until_acked(pipeline, indexes):
    """Sends one after the other, each again when it is refused after the time it was told to wait."""
    for index in indexes:
        for _ in range(40):
            answer = pipeline.send([index])[index]
            if answer["type"] == "ack":
                break
            assert answer.payload["code"] == "rate_limited"
            let_pass(answer.payload["retryAfterMs"] / 1000)
        assert answer["type"] == "ack", answer


def test_all_later_ones_in_flight_are_refused(refused, limited):
    """after one is refused for a passing cause, its later ones are refused too: only a prefix was stored"""
    pipeline, first = refused
    contents = [message["content"] for message in read_backwards(limited.http, pipeline.room)]
    assert contents == list(range(first))


def test_a_later_one_is_refused_though_there_is_room_again(refused, limited):
    """its later ones are refused too until the client sends again"""
    pipeline, first = refused
    answers = pipeline.send([first + 1, first + 2])
    assert {answer["type"] for answer in answers.values()} == {"error"}
    assert {answer.payload["code"] for answer in answers.values()} <= set(PASSING)
    assert len(read_backwards(limited.http, pipeline.room)) == first


def test_a_new_one_after_the_wait_is_the_client_going_on(refused):
    """until the client sends again: a message that was not sent before, after the wait it was asked for, is taken;
    those behind the refused one stay behind it"""
    pipeline, first = refused
    ack = pipeline.client.request("message", {"room": pipeline.room, "content": "new"}, "ack", "new-1")
    assert ack.payload["seq"] == first + 1
    answer = pipeline.send([first])[first]
    assert (answer["type"], answer.payload["seq"]) == ("ack", first + 2)


def test_sending_the_refused_one_again_opens_the_way(refused, limited):
    """until the client sends again: from there, in order, all are stored in order"""
    pipeline, first = refused
    answer = pipeline.send([first])[first]
    assert (answer["type"], answer.payload["seq"], answer.payload["duplicate"]) == ("ack", first + 1, False)
    send_until_acked(pipeline, range(first + 1, len(pipeline.ids)))
    messages = read_backwards(limited.http, pipeline.room)
    assert [message["content"] for message in messages] == list(range(len(pipeline.ids)))
    assert [message["messageId"] for message in messages] == pipeline.ids


def test_resending_the_whole_tail_until_it_is_through(refused, limited):
    """until the client sends again: a client that pipelines its tail each time has it stored in order, once"""
    pipeline, first = refused
    for _ in range(40):
        answers = pipeline.send(range(first, len(pipeline.ids)))
        left = [index for index, answer in answers.items() if answer["type"] == "error"]
        if not left:
            break
        assert left == list(range(left[0], len(pipeline.ids))), "one was let in after an earlier one was refused"
        first = left[0]
        wait(answers[first].payload)
    assert not left
    assert [m["messageId"] for m in read_backwards(limited.http, pipeline.room)] == pipeline.ids


def test_other_rooms_are_not_affected(refused, name):
    """Messages of one connection to one room: other rooms go on"""
    pipeline, first = refused
    other = name("other")
    assert pipeline.client.publish(other, "elsewhere")["seq"] == 1
    answer = pipeline.send([first + 1])[first + 1]
    assert answer["type"] == "error", "the room that was refused is still waiting for the refused one"


def test_other_connections_are_not_affected(refused, limited, native, alice):
    """Messages of one connection …: the same user's next connection starts afresh, and so does everybody else"""
    pipeline, first = refused
    assert native(limited).publish(pipeline.room, "another's")["seq"] == first + 1
    again = native(limited, user=alice)
    assert again.publish(pipeline.room, "afresh")["seq"] == first + 2


def test_a_lasting_refusal_holds_nothing_up(native, room):
    """refused for a passing cause: what can never be stored is refused alone"""
    client = native()
    ids = [client.send("message", payload) for payload in
           ({"room": room, "content": 1}, {"room": room}, {"room": room, "content": 3})]
    kinds = [client.reply(message_id)["type"] for message_id in ids]
    assert kinds == ["ack", "error", "ack"]


def test_the_simple_dialect_is_served_again(limited, simple, room):
    """the connection stays: a dialect that can't send a refused message again is not shut out for ever"""
    client = simple(limited)
    client.join(room)
    for number in range(25):
        client.send(type="message", content=f"text {number}")
    client.expect("error")
    let_pass(1)
    assert client.say("later")["content"] == "later"
