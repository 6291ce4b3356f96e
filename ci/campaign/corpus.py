"""The corpus of one target on disk: reduced, merged, and mended after an interruption.

A new corpus is made beside the old one (NAME.new), the old one is put aside (NAME.old), and the new one gets its name.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from campaign import disk, hunts

# How often a merge is asked whether it has ended, or is to be stopped, in seconds.
POLL_SECONDS = 0.2


def inputs(folder):
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def mend(folder):
    """Ends a replacement that was interrupted: the old corpus is there until the new one has its name."""
    old, new = folder.with_suffix(".old"), folder.with_suffix(".new")
    if old.exists() and not folder.exists():
        disk.move(old, folder)
    for left in (old, new):
        shutil.rmtree(left, ignore_errors=True)


def replace(target, folder, extra, place, known=(), stopped=lambda: False):
    """Replaces the corpus by those of its inputs and of the folders `extra` that together reach as much.

    Inputs that stop the target, but for findings of the signatures `known`, leave the corpus and wait among the
    incoming findings of `place`. The merge ends once `stopped` returns true. Returns an empty text, or what went wrong:
    then the corpus is unchanged.
    """
    mend(folder)
    new = folder.with_suffix(".new")
    new.mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    log = place.logs / f"{target.name}.merge.txt"
    command = [target.binary, "-merge=1", *hunts.limits(target, place.incoming), *target.libfuzzer, new, folder, *extra]
    status = _run(command, log, hunts.environment(place, known), stopped)
    if status is None:
        shutil.rmtree(new)
        return "it was stopped"
    if status != 0 or (inputs(folder) and not inputs(new)):
        shutil.rmtree(new)
        return "the engine failed:\n  " + "\n  ".join(log.read_text(errors="replace").splitlines()[-12:])
    disk.move(folder, folder.with_suffix(".old"))
    disk.move(new, folder)
    mend(folder)
    return ""


def _run(command, log, environment, stopped):
    """Returns the exit status of the command; None if it was ended because `stopped` returned true."""
    with open(log, "wb") as out:
        # A session of its own: the engine runs the merge in a child, which ends with it.
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        if stopped():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
