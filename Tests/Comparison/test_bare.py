"""Roost beside what the machine does without it: what is run, with which sizes, and what is made of it."""

import json
import pathlib
import sqlite3
import subprocess
import sys

import pytest

import compare
from comparison import bare, servers, table
from comparison.measuring import Measurement
from comparison.rows import ADDED, STORE, Line, Row
from stub_roost import SCHEMA

BENCHMARKS = pathlib.Path(bare.__file__).parents[1]
ROW = Row("row", "store", (), (Line("stored", "messages/s", "/s", 0.6, more_is_better=True),
                               Line("p99", "p99", "ms", 3), Line("a commit", "batch", "")), base="bare")


def cells(measurements):
    lines = table.beside([ROW], measurements, "bare", "roost", ["bare", "Roost"]).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in [lines[0], *lines[2:]]]


def measured(server, *rounds, faults=()):
    return [Measurement("row", server, number, figures=dict(zip(("messages/s", "p99", "batch"), figures)),
                        faults=list(faults)) for number, figures in enumerate(rounds, 1)]


def test_goals_within_the_round():
    """The second round was on a slower machine; circumstances have no goal and no ratio."""
    found = cells(measured("roost", (60, 6, 40), (30, 9, 40)) + measured("bare", (100, 2, 40), (50, 3, 40)))
    assert found == [["what", "bare", "Roost", "Roost ÷ bare", "goal", "met"],
                     ["stored", "75.0/s (50.0 … 100)", "45.0/s (30.0 … 60.0)", "0.60×", "≥ 0.6×", "yes"],
                     ["p99", "2.50 ms (2.00 … 3.00)", "7.50 ms (6.00 … 9.00)", "3.00×", "≤ 3×", "yes"],
                     ["a commit", "40.0", "40.0", "–", "–", "–"]]


def test_goals_that_were_missed():
    found = cells(measured("roost", (59, 6.1, 40)) + measured("bare", (100, 2, 40)))
    assert [line[3:] for line in found[1:3]] == [["0.59×", "≥ 0.6×", "**no**"], ["3.05×", "≤ 3×", "**no**"]]


@pytest.mark.parametrize("bare_runs", [[], measured("bare", (100, 2, 40), faults=["no disk"])])
def test_nothing_is_said_without_the_bare_part(bare_runs):
    found = cells(measured("roost", (60, 6, 40)) + bare_runs)
    assert found[1] == ["stored", "–", "60.0/s", "–", "≥ 0.6×", "–"]


def test_the_store(stub, capsys, tmp_path):
    """The bare loop's transactions are as large as Roost's, and its writes as those at half of Roost's rate."""
    raw, page = tmp_path / "raw.json", tmp_path / "page.md"
    code, calls = stub(compare, "--only", "store", "--folder", str(tmp_path), "--json", str(raw),
                       "--markdown", str(page))
    assert code == 0
    load = "--publishers 100 --rooms 100 --in-flight 16 --size 512 --seconds 1"
    assert [call.partition("/ws ")[2].partition(" --pid")[0] for call in calls] == [load, f"{load} --rate 2500"]
    roost, alone = (m["figures"] for m in json.loads(raw.read_text())["measurements"])
    assert roost == {"messages/s": 5000, "messages per commit": 40, "p99": 2, "messages/s at p99": 2500,
                     "messages per commit at p99": 40}
    assert alone["messages per commit"] == 40 and alone["messages/s"] > 100 and alone["p99"] > 0
    # 40 messages of 512 bytes are six pages at least, each with its header.
    assert alone["bytes per fsync"] >= 6 * 4120 and alone["bytes per fsync"] % 4120 == 0
    assert page.read_text() == capsys.readouterr().out
    assert "Roost ÷ nchan" not in page.read_text()
    assert f" Stores on {bare.check_folder(tmp_path)}." in page.read_text()
    assert not list(tmp_path.glob("roost-store-*"))


def test_stores_are_not_measured_in_memory(stub, capsys):
    assert stub(compare, "--only", "store", "--folder", "/dev/shm")[0] == 2
    assert "is in memory (tmpfs)" in capsys.readouterr().err
    assert stub(compare, "--only", "store", "--folder", "/nowhere")[0] == 2
    assert "name another folder with --folder" in capsys.readouterr().err


def test_results_that_could_not_be_written(stub, capsys):
    """Said before anything is measured."""
    code, calls = stub(compare, "--only", "added", "--markdown", "/nowhere/page.md")
    assert code == 2 and calls == []
    assert "/nowhere/page.md can't be written" in capsys.readouterr().err


def test_a_bare_part_that_fails(stub, capsys, monkeypatch, tmp_path):
    """Roost's own figures are still shown."""
    monkeypatch.setattr(bare, "BENCHMARKS", tmp_path)
    code, _ = stub(compare, "--only", "store", "--folder", str(tmp_path))
    out = capsys.readouterr().out
    assert code == 1
    assert "- store, bare: **not counted**: bare_sqlite.py ended with 2:" in out
    assert "| – | 5,000/s | – | ≥ 0.6× | – |" in out


@pytest.mark.parametrize(("size", "rounds", "order"), [
    ("100", "1", ["native", "pubsub"]), ("200", "1", ["native", "pubsub"]),
    ("300", "2", ["native", "pubsub", "pubsub", "native"])])
def test_added_cost(stub, capsys, monkeypatch, tmp_path, size, rounds, order):
    """Both send frames of as many bytes, in turns; Roost's with limits that are on."""
    monkeypatch.setenv("STUB_PAYLOAD", size)
    serves = tmp_path / "serves"
    monkeypatch.setenv("STUB_SERVES", str(serves))
    code, calls = stub(compare, "--only", "added", "--rounds", rounds)
    assert code == 0
    options = [dict(zip(call.split()[1::2], call.split()[2::2])) for call in calls]
    assert [each["--dialect"] for each in options] == order
    assert {(each["--dialect"], each["--size"]) for each in options} == {("native", "64"), ("pubsub", size)}
    assert {each["--url"].rpartition("/")[2] for each in options} == {"ws", "echo"}
    assert all(("--conformance" in line) != ("--rate-limit-messages 1000000" in line)
               for line in serves.read_text().splitlines())
    out = capsys.readouterr().out
    assert "| 8.00 µs | 4.00 µs | 0.50× | ≤ 1.1× | yes |" in out and f"| {size} B | {size} B | – | – | – |" in out


def test_peers_and_bare_things_have_tables_of_their_own():
    peer = Row("peer", "fanout", (), (Line("CPU", "cpu", "µs", 0.85),))
    runs = [Measurement("peer", name, 1, figures={"cpu": value}) for name, value in (("nchan", 8), ("roost", 4))]
    page = table.page([peer, ROW], runs + measured("roost", (60, 6, 40)), ["nchan", "roost"], "caption")
    peers, alone = page.split("Roost beside what this machine does without it:")
    assert "| CPU | – | 8.00 µs | 4.00 µs | 0.50×" in peers and "stored" not in peers
    assert "| stored | – | 60.0/s |" in alone and "CPU" not in alone


def test_the_rows_that_are_measured():
    assert {line.goal for line in STORE.lines + ADDED.lines} == {0.6, 3, 1.1, None}


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.db"
    sqlite3.connect(path).executescript(SCHEMA).close()
    return path


def run(name, *arguments):
    done = subprocess.run([sys.executable, str(BENCHMARKS / name), *map(str, arguments), "--json"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bare_loop_stores_what_it_says(store):
    """One transaction to see its size, one at least that counts; heads are where the logs end."""
    figures = run("bare_sqlite.py", store, "--batch", "250", "--rooms", "7", "--seconds", "0")
    assert figures["messages per transaction"] == 250
    db = sqlite3.connect(store)
    assert db.execute("SELECT count(*), max(length(content)) FROM messages").fetchone() == (500, 512)
    assert db.execute("SELECT count(*) FROM recent").fetchone() == (500,)
    logs = db.execute("SELECT id >> 36, max(id & 68719476735), count(*) FROM messages GROUP BY 1").fetchall()
    assert db.execute("SELECT id, head, head FROM rooms").fetchall() == logs and len(logs) == 7


def test_the_bare_loop_makes_checkpoints(store):
    """The write-ahead log does not grow with all that is stored."""
    figures = run("bare_sqlite.py", store, "--batch", "2000", "--seconds", "1")
    stored = sqlite3.connect(store).execute("SELECT count(*) FROM messages").fetchone()[0]
    assert stored % 2000 == 0
    # One as soon as the log has grown by 1024 pages, but none before the last has ended.
    pages = stored // 2000 * figures["log bytes per transaction"] // 4120
    assert 1 <= figures["checkpoints"] <= pages / 1024


def test_the_bare_writes(tmp_path):
    figures = run("bare_fsync.py", tmp_path / "log", "--bytes", "10000", "--seconds", "0.1")
    assert figures["writes"] * 10000 == (tmp_path / "log").stat().st_size
    assert 0 < figures["p50 ms"] <= figures["p99 ms"]
