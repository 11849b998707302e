"""Turns measurements into tables: medians, and ratios taken within each round, since the machine's speed drifts."""

import statistics
from collections import Counter
from dataclasses import dataclass

from comparison.rows import BARE, LIMIT, NCHAN

NOTHING = "–"


@dataclass(frozen=True)
class Spread:
    """The median of some values, the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values):
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def by_round(measurements, row, figure, server):
    """The figure in each round in which the server's run counts."""
    return {m.round: value for m in measurements
            if (m.row, m.server) == (row.name, server) and (value := m.figure(figure)) is not None}


def ratio(measurements, row, figure, server, base):
    """A server's figure divided by another's of the same round."""
    above, below = (by_round(measurements, row, figure, name) for name in (server, base))
    return spread([above[number] / below[number] for number in above if below.get(number)])


def number(value):
    """Three digits that say something, and no more."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def times(value):
    return f"{number(value)}×"


def shown(found, unit=""):
    """`6.49 µs (6.20 … 7.01)`, without the brackets where there is but one value."""
    if found is None:
        return NOTHING
    text = f"{number(found.median)}{unit}"
    if found.low == found.high:
        return text
    return f"{text} ({number(found.low)} … {number(found.high)})"


def with_unit(line):
    return line.unit if line.unit.startswith("/") or not line.unit else f" {line.unit}"


def medians(measurements, row, line, server):
    """A server's figure over all rounds, and its unit."""
    return shown(spread(list(by_round(measurements, row, line.figure, server).values())), with_unit(line))


def judged(goal, more_is_better, against):
    """The cells of a ratio, of its goal and of whether it has reached it."""
    found = shown(against, "×")
    if goal is None:
        return [found, NOTHING, NOTHING]
    wanted = f"{'≥' if more_is_better else '≤'} {goal:g}×"
    if against is None:
        return [found, wanted, NOTHING]
    reached = against.median >= goal if more_is_better else against.median <= goal
    return [found, wanted, "yes" if reached else "**no**"]


def markdown(head, body):
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def goals(rows, measurements):
    """Roost against nchan and against the limit: each goal, and whether it was reached."""
    body = []
    for row in rows:
        for line in (line for line in row.lines if line.goal is not None):
            figures = [medians(measurements, row, line, name) for name in (LIMIT, NCHAN, "roost")]
            verdicts = [judged(goal, line.more_is_better, ratio(measurements, row, line.figure, "roost", base))
                        for base, goal in ((NCHAN, line.goal), (LIMIT, line.limit_goal))]
            body.append([line.title, *figures, *verdicts[0], *verdicts[1]])
    head = ["what", "the limit", "nchan", "Roost", "Roost ÷ nchan", "goal", "met", "Roost ÷ the limit", "goal", "met"]
    return markdown(head, body)


def beside(rows, measurements, base, other, heads):
    """Two that are measured in the same round, and the goal for what the second is to the first; lines without a
    goal say under which circumstances."""
    body = []
    for row in rows:
        for line in row.lines:
            against = None if line.goal is None else ratio(measurements, row, line.figure, other, base)
            figures = [medians(measurements, row, line, name) for name in (base, other)]
            body.append([line.title, *figures, *judged(line.goal, line.more_is_better, against)])
    return markdown(["what", *heads, " ÷ ".join(reversed(heads)), "goal", "met"], body)


def servers(rows, measurements, names):
    """Every figure of every server, and what it is to nchan's and to Roost's."""
    body = []
    for row in rows:
        for line in row.lines:
            cells = []
            for name in names:
                found = spread(list(by_round(measurements, row, line.figure, name).values()))
                ratios = [(base, ratio(measurements, row, line.figure, name, base))
                          for base in (NCHAN, "roost") if base in names and base != name]
                against = [f"{times(each.median)} {base}" for base, each in ratios if each]
                cells.append(" · ".join([shown(found), *against]))
            unit = "a second" if line.unit == "/s" else line.unit
            body.append([f"{line.title}, {unit}", *cells])
    return markdown(["what", *names], body)


def notes(measurements):
    """What the generator warned of, and what went wrong, once each with how often."""
    said = Counter()
    for m in measurements:
        said.update({f"{m.row}, {m.server}: {text}" for text in m.warnings})
        said.update({f"{m.row}, {m.server}: **not counted**: {text}" for text in m.faults})
    return "\n".join(f"- {text} ({count}×)" for text, count in sorted(said.items()))


def page(rows, measurements, names, caption):
    """Everything that is printed."""
    against_peers, against_bare = ([row for row in rows if row.base == base] for base in (NCHAN, BARE))
    parts = [caption]
    if against_peers:
        parts += [
            goals(against_peers, measurements),
            "Every server: the median (lowest … highest), and the medians of its ratios to nchan's and to Roost's "
            "figure of the same round.",
            servers(against_peers, measurements, names)]
    if against_bare:
        parts += ["Roost beside what this machine does without it:",
                  beside(against_bare, measurements, BARE, "roost", ["bare", "Roost"])]
    return "\n\n".join(part for part in [*parts, notes(measurements)] if part)
