"""Makes a Python 3 package of the Autobahn suite, which exists for Python 2 only: port.py SOURCE TARGET

Only what the fuzzing client needs is taken. Python 2's byte strings become `str` with one character per byte (Latin-1),
so that the cases can go on gluing them together; they turn into bytes where they meet the library (client.py).
"""

import pathlib
import re
import shutil
import sys

from fissix.refactor import RefactoringTool, get_fixers_from_package

# The cases, and what carries them. Case 9.9.1 is not among the suite's own cases and does not run anywhere.
FILES = ["_version.py", "interfaces.py", "caseset.py", "report.py", "fuzzing.py"]
LEFT_OUT = "case9_9_1"

# fissix must not make text of byte strings, and runs its fixers for imports in a certain order.
UNWANTED = ("fix_unicode", "fix_import", "fix_imports")

# What fissix can't know: (which files, what is there, what it becomes). Each must be found somewhere.
EDITS = [
    # The shims stand in for modules that disagree about bytes, and for one that is gone.
    ("*", r"^(\s*import .*)\bpkg_resources\b", r"\1shim_pkg_resources as pkg_resources"),
    ("*", r"^(\s*import .*)\bbinascii\b", r"\1shim_binascii as binascii"),
    ("case/*", r"from autobahn\.websocket\.utf8validator import", "from shim_utf8validator import"),
    # Encoded text stays one character per byte; Python 3 refuses surrogates unless told, which is what is tested.
    ("case/*", r"\.encode\(.utf-8.\)\)", r'.encode("utf-8", "surrogatepass").decode("latin-1"))'),
    ("case/*", r"\.tostring\(\)", '.tobytes().decode("latin-1")'),
    ("fuzzing.py", r"\.encode\(['\"]utf-8['\"]\)\)$", ")"),
    # Integer division; a list of bases that Python 3 can't linearise; objects that are equal but pickled differently.
    ("case/*", r"len\(self\.payload\) / self\.p\.autoFragmentSize", "len(self.payload) // self.p.autoFragmentSize"),
    ("case/*", r"\(object, Case, \)", "(Case, )"),
    ("case/case.py", r"pickle\.dumps\(obj1\) == pickle\.dumps\(obj2\)", "obj1 == obj2"),
    ("case/__init__.py", rf"^.*{LEFT_OUT[4:]}.*$", ""),
]


def modules(folder):
    return {path.stem for path in folder.glob("*.py")} - {"__init__"} | {p.name for p in folder.iterdir() if p.is_dir()}


def port(tool, source, name, found):
    text = (source / name).read_bytes().decode("latin-1").replace("\r\n", "\n").rstrip("\n") + "\n"
    # The files are Latin-1 by now, whatever they say.
    text = re.sub(r"^(#.*)coding[:=].*$", r"\1", text, flags=re.M)
    text = str(tool.refactor_string(text, name))
    siblings = modules((source / name).parent)
    text = re.sub(r"^(\s*from )(\w+)( import)",
                  lambda m: f"{m[1]}.{m[2]}{m[3]}" if m[2] in siblings else m[0], text, flags=re.M)
    for index, (where, old, new) in enumerate(EDITS):
        if pathlib.PurePath(name).match(where):
            text, count = re.subn(old, new, text, flags=re.M)
            found[index] += count
    return text


def main(source, target):
    names = FILES + [f"case/{path.name}" for path in sorted((source / "case").glob("*.py")) if path.stem != LEFT_OUT]
    fixers = [f for f in get_fixers_from_package("fissix.fixes") if not f.endswith(UNWANTED)]
    tool = RefactoringTool(fixers + ["fissix.fixes.fix_imports"])
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "testdata", target / "testdata")
    found = [0] * len(EDITS)
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(port(tool, source, name, found), encoding="utf-8")
    (target / "__init__.py").write_text("from ._version import __version__\nversion = __version__\n")
    for (where, old, _), count in zip(EDITS, found):
        if count == 0:
            sys.exit(f"port.py: {old} is nowhere in {where}; the suite has changed")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:3]))
