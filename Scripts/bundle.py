#!/usr/bin/env python3
"""Joins the modules of Web/roost into the one that pages import, Web/roost.js; --check only compares.

The modules are put behind each other, each after those it imports, without their imports and exports; what index.js
exports is exported in the end. So no two modules may have a top-level name in common.
"""

import pathlib
import re
import sys

WEB = pathlib.Path(__file__).parent.parent / "Web"
MODULES, MODULE = WEB / "roost", WEB / "roost.js"
HEAD = "// Roost's client for browsers. Made of the modules in Web/roost by Scripts/bundle.py; change those.\n"
IMPORT = re.compile(r'^(?:import|export) \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
NAME = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def in_order(name, found):
    """The names of modules, each behind those it imports. Circles are fine as long as nothing is used while loading."""
    if name in found:
        return
    found[name] = None
    for _, needed in IMPORT.findall((MODULES / name).read_text()):
        in_order(needed, found)
    found[name] = found.pop(name)


def bundle():
    order = {}
    in_order("index.js", order)
    unused = {path.name for path in MODULES.glob("*.js")} - set(order)
    if unused:
        sys.exit(f"bundle: nobody imports {', '.join(sorted(unused))}")
    parts, owners = [HEAD], {}
    for name in order:
        text = EXPORT.sub("", IMPORT.sub("", (MODULES / name).read_text()))
        for top in NAME.findall(text):
            if top in owners:
                sys.exit(f"bundle: both {owners[top]} and {name} have a {top}; rename one")
            owners[top] = name
        parts.append(f"// {name}\n\n{text.strip()}\n")
    index = (MODULES / "index.js").read_text()
    exported = [top.strip() for names in re.findall(r"^export \{([^}]*)\}", index, re.MULTILINE) for top in names.split(",")]
    parts.append("export { " + ", ".join(sorted(exported)) + " };\n")
    return "\n".join(parts)


def main():
    text = bundle()
    if sys.argv[1:] == ["--check"]:
        if MODULE.read_text() != text:
            sys.exit("bundle: Web/roost.js is not what Web/roost makes; run Scripts/bundle.py")
    else:
        MODULE.write_text(text)


if __name__ == "__main__":
    main()
