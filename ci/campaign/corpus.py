"""The corpus of one target on disk: reduced, merged, and mended after an interruption.

A new corpus is made beside the old one (NAME.new), the old one is put aside (NAME.old), and the new one gets its name.
"""

import shutil
import subprocess
from pathlib import Path

from campaign import disk


def inputs(folder):
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def mend(folder):
    """Ends a replacement that was interrupted: the old corpus is there until the new one has its name."""
    old, new = folder.with_suffix(".old"), folder.with_suffix(".new")
    if old.exists() and not folder.exists():
        disk.move(old, folder)
    for left in (old, new):
        shutil.rmtree(left, ignore_errors=True)


def replace(target, folder, extra, logs):
    """Replaces the corpus by those of its inputs and of the folders `extra` that together reach as much.

    Returns an empty text, or what went wrong: then the corpus is unchanged.
    """
    mend(folder)
    new = folder.with_suffix(".new")
    new.mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{target.name}.merge.txt"
    with open(log, "wb") as out:
        command = [target.binary, "-merge=1", *target.libfuzzer, new, folder, *map(Path, extra)]
        merged = subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    if merged.returncode != 0 or (inputs(folder) and not inputs(new)):
        shutil.rmtree(new)
        return "the engine failed:\n  " + "\n  ".join(log.read_text(errors="replace").splitlines()[-12:])
    disk.move(folder, folder.with_suffix(".old"))
    disk.move(new, folder)
    mend(folder)
    return ""
