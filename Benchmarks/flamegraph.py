#!/usr/bin/env python3
"""Draws what `perf script` says as a flame graph (SVG): reads it from standard input, writes to standard output.

    perf script -i perf.data | swift demangle --simplified | flamegraph.py "title" >graph.svg

Each box is a function; its width is the share of samples in which it was running or waiting for what is above it. Boxes
of the kernel are blue, those of Swift's runtime and the C library grey, the server's own warm. Hovering over a box
tells its full name and share."""

import html
import re
import sys

WIDTH, ROW, LEAST = 1200, 17, 0.6  # pixels; a box narrower than LEAST is left out
KERNEL, RUNTIME, OWN = "#8fb8de", "#c9c9c9", "#f2a65a"


class Box:
    def __init__(self, name, color):
        self.name, self.color, self.samples, self.above = name, color, 0, {}

    def child(self, name, color):
        return self.above.setdefault(name, Box(name, color))


def readable(symbol):
    """A function's name without what only the compiler wants to know."""
    symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
    for noise in ("specialized ", "partial apply for ", "protocol witness for ", "generic specialization of "):
        symbol = symbol.replace(noise, "")
    symbol = re.sub(r"closure #\d+ (\(.*?\) -> \S+ )?in ", "{} in ", symbol)
    symbol = re.sub(r" in conformance .*$", "", symbol)
    symbol = re.sub(r"\(.*$", "", symbol) if "{} in" not in symbol else symbol
    return symbol or "?"


def color_of(module):
    if "kernel" in module or module.startswith("[") and "vdso" not in module:
        return KERNEL
    return RUNTIME if ".so" in module or "vdso" in module else OWN


def stacks(lines, thread):
    """The stacks of one kind of thread, outermost function first."""
    stack, wanted = [], False
    for line in lines:
        if not line.strip():
            if stack and wanted:
                yield list(reversed(stack))
            stack = []
        elif not line[0].isspace():
            wanted = thread in line
        else:
            found = re.match(r"\s+[0-9a-f]+ (.*) \((.*?)\)$", line.rstrip())
            if found and found[1] != "[unknown]":
                stack.append((readable(found[1]), color_of(found[2])))
    if stack and wanted:
        yield list(reversed(stack))


def tree(all_stacks):
    root = Box("all", RUNTIME)
    for stack in all_stacks:
        # Loops all begin alike; what is below the loop's own work says nothing.
        start = next((at for at, (name, _) in enumerate(stack) if "SelectableEventLoop.run" in name), 0)
        root.samples += 1
        box = root
        for name, color in stack[start:]:
            if name != box.name:
                box = box.child(name, color)
                box.samples += 1
    return root


def draw(box, total, x, depth, out):
    width = WIDTH * box.samples / total
    if width < LEAST:
        return depth
    y = depth * ROW
    share = f"{100 * box.samples / total:.1f} %"
    name = html.escape(box.name)
    shown = html.escape(box.name[: int(width / 6.6)]) if width > 30 else ""
    out.append(
        f'<g><title>{name}: {share}</title><rect x="{x:.1f}" y="{{{y}}}" width="{max(width - 0.5, 0.1):.1f}" '
        f'height="{ROW - 1}" fill="{box.color}" rx="1"/><text x="{x + 3:.1f}" y="{{{y}+}}">{shown}</text></g>')
    deepest = depth
    for child in sorted(box.above.values(), key=lambda c: c.name):
        deepest = max(deepest, draw(child, total, x, depth + 1, out))
        x += WIDTH * child.samples / total
    return deepest


def main():
    title, root = sys.argv[1], tree(stacks(sys.stdin, "NIO-ELT"))
    if not root.samples:
        sys.exit("flamegraph: there is no sample of an event loop in the input")
    boxes = []
    height = (draw(root, root.samples, 0, 0, boxes) + 1) * ROW + 40
    # Flames grow upwards: a box's place is known once the height is.
    place = lambda y: height - 10 - ROW - y  # noqa: E731
    body = re.sub(r"\{(\d+)(\+?)\}", lambda m: str(place(int(m[1])) + (12 if m[2] else 0)), "\n".join(boxes))
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
          f'font-size="11"><rect width="{WIDTH}" height="{height}" fill="white"/>'
          f'<text x="{WIDTH / 2}" y="18" font-size="14" text-anchor="middle">{html.escape(title)} '
          f'({root.samples} samples)</text>\n{body}\n</svg>')


if __name__ == "__main__":
    main()
