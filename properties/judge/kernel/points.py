#!/usr/bin/env python3
"""Lists the points at which a kernel counts what it executes, with their places in the source.

  points.py PROGRAM SOURCE > FILE

PROGRAM is the kernel with its symbols and line tables, SOURCE the folder it was built from. A point is a call of
__sanitizer_cov_trace_pc, named by its return address, which is what the kernel sees. ../kernel_coverage.h reads the file:

  cmacheck-points 1 text=ADDRESS points=N
  ADDRESS FILE:LINE:FUNCTION...     the place, then, if it was inlined, where from; addresses ascend
"""

import re
import subprocess
import sys

CALL = re.compile(r"^\s*([0-9a-f]+):\s+call\s.*<__sanitizer_cov_trace_pc>$")
TEXT = re.compile(r"^([0-9a-f]+) \w _stext$", re.MULTILINE)
BYTES_OF_CALL = 5
# What judge_coverage.c has room for.
MOST_BYTES = 4 << 20


def output_of(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def places_of(program, source, calls):
    """Returns the places of each call, the innermost first."""
    lines = output_of("addr2line", "-a", "-f", "-i", "-e", program, text="".join(f"{call:#x}\n" for call in calls))
    found = []
    rest = iter(lines.splitlines())
    for line in rest:
        if line.startswith("0x"):
            found.append([])
            continue
        place = next(rest).split(" ")[0]
        file, _, number = place.rpartition(":")
        file = re.sub(r"^.*/" + re.escape(source.rstrip("/").rsplit("/", 1)[-1]) + "/", "", file)
        found[-1].append(f"{file.removeprefix('./').replace(' ', '_')}:{number if number.isdigit() else 0}:{line}")
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.rstrip())
    program, source = sys.argv[1:]
    code = output_of("objdump", "-d", "--no-show-raw-insn", program)
    calls = sorted(int(call.group(1), 16) for line in code.splitlines() if (call := CALL.match(line)))
    start = TEXT.search(output_of("nm", program))
    if not calls or not start:
        sys.exit(f"{program} counts nothing: was it built with coverage?")
    text = int(start.group(1), 16)
    # Code that runs at boot alone lies before: nothing is counted then.
    calls = [call for call in calls if call >= text]
    if not calls or calls[-1] + BYTES_OF_CALL - text >= MOST_BYTES:
        sys.exit(f"{program}: a point lies outside the table of counters")
    print(f"cmacheck-points 1 text={text:x} points={len(calls)}")
    for call, places in zip(calls, places_of(program, source, calls), strict=True):
        print(f"{call + BYTES_OF_CALL:x} {' '.join(places)}")


if __name__ == "__main__":
    main()
