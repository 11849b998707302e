"""The arithmetic of the comparison: medians, and ratios within a round."""

import pytest

from comparison import table
from comparison.measuring import Measurement
from comparison.rows import Line, Row

CHEAPER = Line("CPU", "cpu", "µs", goal=0.85, limit_goal=1.05)
ROW = Row("row", "fanout", (), (CHEAPER,))


def measured(server, *values, faults=()):
    return [Measurement("row", server, number, figures={"cpu": value}, faults=list(faults))
            for number, value in enumerate(values, 1)]


def goal_cells(measurements, row=ROW):
    return [cell.strip() for cell in table.goals([row], measurements).splitlines()[2].strip("|").split("|")]


def test_ratios_are_taken_within_a_round():
    """The second round was on a machine half as fast; the ratios don't see it."""
    runs = measured("roost", 4, 8, 4) + measured("nchan", 8, 16, 8)
    assert table.ratio(runs, ROW, "cpu", "roost", "nchan") == table.Spread(0.5, 0.5, 0.5)


def test_a_round_without_its_partner_has_no_ratio():
    runs = measured("roost", 4, 8, 9) + measured("nchan", 8, 8)
    assert table.ratio(runs, ROW, "cpu", "roost", "nchan") == table.Spread(0.75, 0.5, 1)


def test_what_lost_something_does_not_count():
    runs = measured("roost", 4) + measured("nchan", 8, faults=["lost"])
    assert table.ratio(runs, ROW, "cpu", "roost", "nchan") is None
    assert goal_cells(runs) == ["CPU", "–", "–", "4.00 µs", "–", "≤ 0.85×", "–", "–", "≤ 1.05×", "–"]
    assert table.notes(runs) == "- row, nchan: **not counted**: lost (1×)"


def test_goal_and_limit():
    runs = measured("roost", 4, 5, 6) + measured("nchan", 10, 10, 10) + measured("limit", 4, 4, 4)
    assert goal_cells(runs) == ["CPU", "4.00 µs", "10.0 µs", "5.00 µs (4.00 … 6.00)",
                                "0.50× (0.40 … 0.60)", "≤ 0.85×", "yes", "1.25× (1.00 … 1.50)", "≤ 1.05×", "**no**"]


def test_a_goal_that_was_missed():
    assert goal_cells(measured("roost", 9) + measured("nchan", 10))[6] == "**no**"


@pytest.mark.parametrize(("roost", "verdict"), [(12, "yes"), (11.9, "**no**")])
def test_where_more_is_better(roost, verdict):
    row = Row("row", "fanout", (), (Line("deliveries", "cpu", "/s", goal=12, more_is_better=True),))
    assert goal_cells(measured("roost", roost) + measured("nchan", 1), row)[5:7] == ["≥ 12×", verdict]


def test_every_server_against_nchan_and_roost():
    runs = measured("roost", 4) + measured("nchan", 8) + measured("nats", 16)
    line = table.servers([ROW], runs, ["nchan", "nats", "roost"]).splitlines()[2]
    assert line == "| CPU, µs | 8.00 · 2.00× roost | 16.0 · 2.00× nchan · 4.00× roost | 4.00 · 0.50× nchan |"


@pytest.mark.parametrize(("value", "text"), [(0.349, "0.35"), (6.49, "6.49"), (12.34, "12.3"), (190_400, "190,400")])
def test_numbers(value, text):
    assert table.number(value) == text
