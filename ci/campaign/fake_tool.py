#!/usr/bin/env python3
"""Stands in for cmacheck in the test of campaigns: a raw input is the signature of its finding."""

import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
if arguments[0] == "minimize" and "--into" in arguments:
    signature = Path(arguments[1]).read_text()
    file = Path(arguments[arguments.index("--into") + 1]) / (signature.replace("/", "-") + ".cma")
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(f"# cmacheck run {file}\n# written by a test\n# {signature}\n# a message\n"
                     "cmacheck 1\nmachine small release=6.1\n")
    os.replace(aside, file)
    print(file)
elif arguments[0] == "minimize":
    # All findings of one law have one root.
    print(Path(arguments[1]).read_text().splitlines()[2][2:].split("/")[0])
elif arguments[0] == "report":
    Path(arguments[arguments.index("--output") + 1]).write_text("<html>")
elif arguments[0] == "bugs":
    print("planted  a bug")
elif arguments[0] == "encode":
    for name in arguments[1:arguments.index("--into")]:
        (Path(arguments[arguments.index("--into") + 1]) / Path(name).stem).write_bytes(Path(name).read_bytes())
