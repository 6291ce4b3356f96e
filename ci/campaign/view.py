"""The live view of a campaign: a block that is drawn anew each second in a terminal, plain lines elsewhere."""

import sys
import time

# Elsewhere than in a terminal a line for each hunt: often at first, when a person may watch, then rarely.
EARLY_SECONDS, EARLY_EVERY, LATE_EVERY = 120, 5, 60


def duration(seconds):
    """Returns "1 d 2 h", "3 h 5 min", "2 min 10 s" or "7 s"."""
    seconds = int(seconds)
    for unit, name, below, low in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            return f"{seconds // unit} {name} {seconds % unit // below} {low}"
    return f"{seconds} s"


def table(rows):
    """Returns lines of the targets' figures. `rows`: (name, running, Share)."""
    lines = [f"{'target':<24} {'time':>12} {'executions':>14} {'executions/s':>14} {'cov':>8} {'ft':>8} {'corpus':>8}"]
    for name, running, share, inputs in rows:
        mark = "*" * running
        lines.append(f"{name + mark:<24} {duration(share.seconds):>12} {share.executions:>14} {share.rate:>14} "
                     f"{share.coverage:>8} {share.features:>8} {inputs:>8}")
    return lines


class View:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty()
        self.began = time.monotonic()
        self._drawn = 0
        self._next = EARLY_EVERY

    def show(self, block, lines):
        """Draws `block` in a terminal; elsewhere prints `lines` if it is time for them."""
        if self.live:
            self.clear()
            self.out.write("\n".join(block) + "\n")
            self._drawn = len(block)
            self.out.flush()
            return
        at = time.monotonic() - self.began
        if at >= self._next:
            self._next = at + (EARLY_EVERY if at < EARLY_SECONDS else LATE_EVERY)
            for line in lines:
                print(f"{int(at):5d} s  {line}", file=self.out, flush=True)

    def clear(self):
        """Removes the block, so that plain lines can follow."""
        if self._drawn:
            self.out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def say(self, text):
        self.clear()
        print(text, file=self.out, flush=True)
