"""A campaign: hunts on all targets by weight, for a given time, stopped and resumed at will.

The main loop starts hunts in free slots, each for a slice of time on the target that has had least for its weight,
reads their progress, deals with findings in the background, and keeps its state on disk. What a hunt finds is on disk
before the campaign hears of it, so a kill at any moment loses nothing.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from campaign import clock, corpus, disk, findings, hunts, targets, view
from campaign.state import Store

# The length of a slice: long enough for fork mode in long campaigns, short enough that each target has its turn.
SHORTEST_SLICE, LONGEST_SLICE = 5, 900
TICK = float(os.environ.get("CMACHECK_TICK", "0.5"))
SAVE_EVERY = 5
# Seconds from one exchange between engines to the next.
SHARE_EVERY = 30
# Stops in a row without a new input after which a target rests until the end of the campaign.
MOST_STOPS = 3
# A campaign stops, to be resumed, when the file system has less room than this.
LEAST_ROOM = int(os.environ.get("CMACHECK_LEAST_ROOM", str(256 << 20)))
# A corpus of more inputs is reduced, before the next slice, to those that together reach as much.
MOST_INPUTS = int(os.environ.get("CMACHECK_MOST_INPUTS", "20000"))


class Place:
    """The folders of a campaign. The variables are for tests of campaigns themselves."""

    def __init__(self, root, base, found, preset):
        self.root = Path(root)
        self.folder = Path(base)
        self.binaries = Path(os.environ.get("CMACHECK_BINARIES", self.root / "build" / preset / "fuzzers"))
        self.afl_binaries = Path(os.environ.get("CMACHECK_AFL_BINARIES", self.root / "build/fuzz-afl/fuzzers"))
        self.tool = Path(os.environ.get("CMACHECK_TOOL", self.root / "build" / preset / "bin/cmacheck"))
        self.corpora = self.folder / "corpus"
        self.seeds = self.folder / "seeds"
        self.temporary = self.folder / "tmp"
        self.logs = self.folder / "logs"
        self.afl = self.folder / "afl"
        self.findings = Path(found)
        self.incoming = self.findings / "incoming"
        self.raw = self.findings / "raw"
        for folder in (self.corpora, self.temporary, self.logs, self.incoming, self.raw):
            folder.mkdir(parents=True, exist_ok=True)

    def corpus(self, name):
        return self.corpora / name

    def log(self, name):
        return self.logs / f"{name}.txt"


class Campaign:
    def __init__(self, place, plan, chosen, bug, fresh=False):
        self.place = place
        self.store = Store(place.folder)
        self.targets = {target.name: target for target in chosen}
        self.seconds = plan["seconds"]
        self.jobs = plan["jobs"]
        self.engines = plan["engines"]
        # How many jobs it has says nothing about what there is to do: a campaign may go on with others.
        self.state = self.store.load({key: value for key, value in plan.items() if key != "jobs"}, fresh)
        self.findings = findings.Findings(place, place.tool, bug, self.state)
        self.excused = findings.known_signatures(place.root)
        self.known = self.excused | self.findings.signatures()
        self.view = view.View()
        self.running = []
        self.stops = dict.fromkeys(self.targets, 0)
        self.failed = set()
        self.signal = 0
        self.full = False
        self.number = 0

    # ---- Life ----

    def run(self):
        """Hunts until the time is over or a signal comes. Returns whether the campaign is at its end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._prepare()
        began, saved = clock.now(), -SAVE_EVERY
        before = self.state.used
        try:
            while not self.signal and not self.full and self.state.used < self.seconds and self._start_hunts():
                time.sleep(TICK)
                now = clock.now()
                self.state.used = before + now - began
                self._look_after_hunts()
                self.findings.step(self.targets, self._take_out)
                self._say_messages()
                self._watch_room()
                if now - saved >= SAVE_EVERY:
                    self._save()
                    saved = now
                self._show()
        except OSError as error:
            self._stop_for(error)
        return self._finish()

    def _stop_for(self, error):
        """Notes that something could not be written. What was found stays where it is, for the next start."""
        self.full = True
        self.view.say(f"ci/fuzz: the campaign stops: {error}")

    def _on_signal(self, number, _frame):
        if self.signal:  # the second one: the person does not want to wait
            for hunt in self.running:
                hunt.kill()
            self.findings.end()
            os._exit(130)
        self.signal = number

    def _prepare(self):
        strays = hunts.end_strays(self.place.folder)
        if strays:
            self.view.say(f"ci/fuzz: ended {strays} processes that a killed campaign had left")
        for folder in self.place.temporary.iterdir():
            _remove_all(folder)
        disk.sweep(self.place.corpora)
        disk.sweep(self.place.findings)
        for name in self.targets:
            corpus.mend(self.place.corpus(name))
            self.place.corpus(name).mkdir(exist_ok=True)
            aside = self.place.folder / "unreadable"
            for path in targets.take_out_unreadable(self.place.corpus(name), aside):
                self.view.say(f"ci/fuzz: {path} cannot be read: moved to {aside}")
        targets.prepare_seeds(self.place.root, self.place.tool, self.place.seeds, self.targets.values())
        if self.state.used:
            self.view.say(f"ci/fuzz: goes on with the campaign that had {view.duration(self.state.used)}")

    def _finish(self):
        try:
            self._end_hunts()
            self.view.clear()
            self.findings.finish(self.targets, self._take_out, lambda: self.signal != 0 or self.full)
        except OSError as error:
            self._stop_for(error)
        for hunt in self.running:
            hunt.kill()
        self.findings.end()
        self.state.done = not self.signal and not self.full
        self._say_messages()
        self._save()
        return self.state.done

    def _end_hunts(self):
        for hunt in self.running:
            hunt.stop()
        until = time.monotonic() + 10
        while self.running and time.monotonic() < until:
            time.sleep(TICK)
            self._look_after_hunts()
        for hunt in self.running:
            hunt.kill()
        self._look_after_hunts()

    # ---- Hunts ----

    def _start_hunts(self):
        """Fills free slots. Returns whether anything hunts."""
        while len(self.running) < self.jobs:
            name = self._next_target()
            if name is None:
                break
            target = self.targets[name]
            left = self.seconds - self.state.used
            hunt = self._new_hunt(target, min(left, self._slice()))
            if sum(1 for _ in self.place.corpus(name).iterdir()) > MOST_INPUTS and not self._hunted(name):
                self._reduce(target)
            hunt.before = self.findings.inputs(name)
            hunt.start(self.known)
            self.running.append(hunt)
        return bool(self.running)

    def _slice(self):
        turns = len(self.targets) / self.jobs
        return min(LONGEST_SLICE, max(SHORTEST_SLICE, (self.seconds - self.state.used) / max(1, turns)))

    def _next_target(self):
        """Returns the target that has had least time for its weight; None if all have been given up."""
        able = [name for name in self.targets if self.stops[name] < MOST_STOPS]
        now = {name: sum(hunt.spent() for hunt in self.running if hunt.target.name == name) for name in able}
        return min(able, default=None,
                   key=lambda name: ((self.state.share(name).seconds + now[name] + self._hunted(name) * SHORTEST_SLICE)
                                     / self.targets[name].weight, name))

    def _hunted(self, name):
        return sum(1 for hunt in self.running if hunt.target.name == name)

    def _new_hunt(self, target, seconds):
        self.number += 1
        if "afl" in self.engines and (self.engines == ["afl"] or self.number % 2 == 0):
            names = {hunt.name for hunt in self.running if isinstance(hunt, hunts.Afl) and hunt.target is target}
            name = next(word for word in ["main", *(f"s{i}" for i in range(self.jobs))] if word not in names)
            return hunts.Afl(target, seconds, self.place, name)
        hunt = hunts.LibFuzzer(target, seconds, self.place)
        taken = {other.log for other in self.running}
        hunt.log = next(log for i in range(self.jobs + 1)
                        if (log := self.place.log(f"{target.name}.{i}")) not in taken)
        return hunt

    def _look_after_hunts(self):
        for hunt in list(self.running):
            running = hunt.poll()
            new = hunt.signatures - self.known
            self.known |= new
            for kept in hunt.kept:
                self.findings.note_kept(kept)
            hunt.kept.clear()
            hunt.learnt = hunt.learnt or bool(new)
            # One that runs past crashes must be started again to pass over this one.
            if new and running:
                hunt.stop()
            self._count(hunt)
            if running and hunt.spent() - hunt.shared > SHARE_EVERY:
                hunt.take_corpus()
                hunt.shared = hunt.spent()
            if not running:
                self.running.remove(hunt)
                self._ended(hunt)

    def _left_input(self, hunt):
        """Returns whether the hunt, or another one of its target meanwhile, has left a new input."""
        return bool(self.findings.inputs(hunt.target.name) - hunt.before)

    def _count(self, hunt):
        share = self.state.share(hunt.target.name)
        now = hunt.spent()
        share.seconds += now - hunt.counted
        share.executions += hunt.progress.executions - hunt.executions
        share.rate = hunt.progress.rate or share.rate
        share.coverage = max(share.coverage, hunt.progress.coverage)
        share.features = max(share.features, hunt.progress.features)
        hunt.counted, hunt.executions = now, hunt.progress.executions

    def _ended(self, hunt):
        hunt.take_corpus()
        name = hunt.target.name
        if hunt.stopping or hunt.process.returncode == 0 or hunt.learnt or self._left_input(hunt):
            self.stops[name] = 0
            return
        self.stops[name] += 1
        if self.stops[name] == MOST_STOPS:
            self.failed.add(name)
            tail = hunt.log.read_text(errors="replace").splitlines()[-12:]
            self.view.say(f"ci/fuzz: {name} stops without leaving an input; it rests now. The end of {hunt.log}:\n  "
                          + "\n  ".join(tail))

    def _take_out(self, name, sha1):
        targets.take_out([self.place.corpus(name), self.place.seeds / name], sha1)

    # ---- The corpus on disk ----

    def _reduce(self, target):
        error = corpus.replace(target, self.place.corpus(target.name), [], self.place, self.known, lambda: self.signal)
        if error:
            self.view.say(f"ci/fuzz: the corpus of {target.name} could not be reduced: {error}")

    def _watch_room(self):
        if findings.room(self.place.folder) < LEAST_ROOM:
            self.full = True
            self.view.say(f"ci/fuzz: {self.place.folder} has less than {LEAST_ROOM >> 20} MiB left; the campaign stops")

    def _save(self):
        try:
            self.store.save(self.state)
        except OSError as error:
            self._stop_for(error)

    # ---- What is shown ----

    def rows(self):
        return [(name, self._hunted(name), self.state.share(name), self._inputs(name)) for name in self.targets]

    def _inputs(self, name):
        try:
            return sum(1 for _ in os.scandir(self.place.corpus(name)))
        except OSError:
            return 0

    def _show(self):
        left = max(0, self.seconds - self.state.used)
        head = f"cmacheck campaign: {view.duration(self.state.used)} of {view.duration(self.seconds)}, " \
               f"{view.duration(left)} left"
        found = [f"  {name} ({(self.place.root / name).stat().st_size} bytes)" for name in self.state.found[-6:]
                 if (self.place.root / name).exists()]
        waiting = len(self.findings.waiting())
        block = [head, *view.table(self.rows()),
                 f"{len(self.state.found)} findings, {waiting} to be minimised", *found]
        lines = [f"{hunt.target.name:<24} {hunt.progress.rate:>8} executions/s  cov {hunt.progress.coverage:<6} "
                 f"ft {hunt.progress.features:<6} corpus {self._inputs(hunt.target.name)}" for hunt in self.running]
        self.view.show(block, lines)

    def _say_messages(self):
        for message in self.findings.messages:
            self.view.say(f"ci/fuzz: {message}")
        self.findings.messages.clear()


def _remove_all(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        Path(path).unlink(missing_ok=True)


def report(campaign, out=sys.stdout):
    """Prints what each target did and what was found. Returns the exit code."""
    place = campaign.place
    print(file=out)
    print("\n".join(view.table([(name, 0, share, inputs) for name, _, share, inputs in campaign.rows()])), file=out)
    if campaign.findings.dropped:
        print(f"ci/fuzz: {campaign.findings.dropped} inputs more, of kinds of which {findings.MOST_RAW} are kept",
              file=out)
    groups = campaign.findings.groups(campaign.state.done, campaign.targets)
    known = [group for group in groups if _signature(place, group[0]) in campaign.excused]
    new = [group for group in groups if group not in known]
    for word, some in (("known finding", known), ("finding", new)):
        if not some:
            continue
        print(f"ci/fuzz: {len(some)} {word}{'s' if len(some) > 1 else ''} in "
              f"{os.path.relpath(place.findings, place.root)}", file=out)
        for group in some:
            print("\n" + "\n".join(_lines(campaign, group)), file=out)
    waiting = campaign.findings.waiting()
    if waiting:
        print(f"ci/fuzz: {len(waiting)} inputs wait in {os.path.relpath(place.incoming, place.root)}", file=out)
    if not new and not waiting and not campaign.failed:
        print("ci/fuzz: no findings" + (" but known ones" if known else ""), file=out)
        return 0
    return 1


def _signature(place, name):
    return findings.signature_in((place.root / name).read_text(errors="replace")) if name.endswith(".cma") else None


def _lines(campaign, group):
    """Returns what is printed of one group of findings."""
    place, name = campaign.place, group[0]
    if name.endswith(".cma"):
        head = (place.root / name).read_text(errors="replace").splitlines()
        # A finding begins with what replays it and what wrote it.
        replay = next((line[2:] for line in head if line.startswith("# cmacheck ")), f"cmacheck run {name}")
        lines = ["  " + line[2:] for line in head
                 if line.startswith("# ") and line[2:] != replay and not line.startswith("# written by ")]
        return [*lines, f"    program  {name}", f"    again    ci/{replay}",
                *(f"    also as  {other}" for other in group[1:])]
    raw = Path(name).name
    target = next((word for word in campaign.targets if raw.startswith(word)), "")
    variable = f"CMACHECK_BUG={campaign.findings.bug} " if campaign.findings.bug else ""
    binary = os.path.relpath(place.binaries / target, place.root)
    what = campaign.findings.root_of(name, campaign.targets)
    return [f"  {what if what != raw else f'{target}: {raw[len(target) + 1:]}'}", f"    input    {name}",
            f"    again    {variable}{binary} {name}", *(f"    also as  {other}" for other in group[1:])]
