"""Growth: what is there besides, how ratios and differences are taken, and the whole command with a stand-in."""

import pytest

import growth
from comparison import growing, table
from comparison.growing import Memory, Surroundings
from comparison.measuring import Measurement
from comparison.rows import Line, Row

MEMORY = Memory(Row("memory", "", (), (Line("memory", "bytes", "B"),)), Surroundings(1000, 10),
                Surroundings(1000, 1000))


def measured(label, *values, row="memory", figure="bytes", faults=()):
    return [Measurement(row, label, number, figures={figure: value}, faults=list(faults))
            for number, value in enumerate(values, 1)]


def memory_cells(measurements):
    line = growing.rooms_in_memory([MEMORY], measurements).splitlines()[2]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("surroundings", [case for each in growing.cases(1000, 10_000)
                                          for case in (each.base, each.grown)])
def test_all_rooms_have_somebody(surroundings):
    """And nobody is in more than a connection may be in."""
    joined = [surroundings.rooms_of(number) for number in range(surroundings.connections)]
    assert len({room for rooms in joined for room in rooms}) == surroundings.rooms
    assert all(len(rooms) == len(set(rooms)) <= 128 for rooms in joined)


def test_what_grows_grows_tenfold_and_nothing_else_does():
    for case in growing.cases(1000, 10_000):
        if isinstance(case, growing.Growth):
            pairs = {(getattr(case.base, name), getattr(case.grown, name)) for name in
                     ("connections", "rooms", "history")}
            assert len([pair for pair in pairs if pair[0] != pair[1]]) == 1
            assert all(grown in (base, 10 * base) for base, grown in pairs)
        else:
            assert case.base.connections == case.grown.connections == case.grown.rooms


@pytest.mark.parametrize(("grown", "verdict"), [((8.5, 4.25, 2.125), "1.06× | ≤ 1.1× | yes"),
                                                ((9, 4.5, 2.25), "1.12× | ≤ 1.1× | **no**")])
def test_ratios_are_taken_within_a_round(grown, verdict):
    row = growing.cases(1000, 10_000)[0].row
    figure = row.lines[0].figure
    runs = measured("base", 8, 4, 2, row="rooms", figure=figure) + measured("grown", *grown, row="rooms", figure=figure)
    line = table.beside([row], runs, "base", "grown", ["few", "many"]).splitlines()[2]
    assert line.endswith(f"| {verdict} |")


def test_a_room_is_the_difference_within_a_round():
    """990 rooms more in the second than in the first; the first round's server was larger as a whole."""
    runs = measured("base", 9_000_000, 5_000_000) + measured("grown", 9_000_000 + 990 * 900, 5_000_000 + 990 * 1000)
    assert memory_cells(runs)[3:] == ["950 B (900 … 1,000)", "≤ 1,024 B", "yes"]


def test_a_room_that_takes_too_much():
    assert memory_cells(measured("base", 0) + measured("grown", 990 * 1025))[3:] == ["1,025 B", "≤ 1,024 B", "**no**"]


@pytest.mark.parametrize(("lost", "cells"), [("base", ["–", "5.00 MiB"]), ("grown", ["1.00 MiB", "–"])])
def test_nothing_is_said_of_a_round_without_its_partner(lost, cells):
    runs = measured("base", 1 << 20) + measured("grown", 5 << 20)
    for run in runs:
        run.faults = ["it ended"] if run.server == lost else []
    assert memory_cells(runs) == ["memory", *cells, "–", "≤ 1,024 B", "–"]


def test_the_command(stub, capsys, tmp_path):
    code, calls = stub(growth, "--only", "rooms,history,memory-store", "--readers", "7", "--connections", "1000",
                       "--folder", str(tmp_path))
    out = capsys.readouterr().out
    assert code == 0
    assert [call.partition("--rooms")[2].partition(" --pid")[0] for call in calls] == [
        " 1 --readers 7 --size 64 --in-flight 1 --name measured --seconds 1"] * 4
    assert out.count("| 4.00 µs | 4.00 µs | 1.00× | ≤ 1.1× | yes |") == 2
    assert "memory (RSS) of 1,000 connections, the store in memory" in out


def test_who_did_not_come_is_noticed(stub, capsys, monkeypatch, tmp_path):
    """A ratio of 1 would be no news then."""
    monkeypatch.setenv("STUB_DEAF", "yes")
    code, calls = stub(growth, "--only", "rooms", "--folder", str(tmp_path))
    assert code == 1 and calls == []
    assert "roost_rooms_open is 0 where it should be 10000" in capsys.readouterr().out


def test_more_than_may_be_open(stub, capsys):
    assert stub(growth, "--connections", "10000000")[0] == 2
    assert "ulimit -Hn" in capsys.readouterr().err
