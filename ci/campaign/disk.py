"""Writes that are whole or not there: aside, then renamed. Everything a campaign keeps on disk is written through here.

A step is one thing that a killed campaign can have done or not: a write, a rename, a removal. For tests,
CMACHECK_DIE_AT=N ends the process by SIGKILL at its Nth moment, of which each step has two: before it is done, and
after. CMACHECK_FULL_AT=N lets the Nth step fail as on a full disk.
"""

import errno
import hashlib
import os
import signal
from pathlib import Path

_die_at = int(os.environ.get("CMACHECK_DIE_AT", "0"))
_full_at = int(os.environ.get("CMACHECK_FULL_AT", "0"))
_passed = 0


def _pass_moment():
    """Ends the process if this is the moment that a test has asked for."""
    global _passed
    _passed += 1
    if _passed == _die_at:
        os.kill(os.getpid(), signal.SIGKILL)


def _step(do):
    _pass_moment()
    if _full_at and (_passed + 1) // 2 == _full_at:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    result = do()
    _pass_moment()
    return result


def write(path, content):
    """Replaces a file's content. Raises OSError, and leaves what was there, where it cannot be written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.{os.getpid()}.aside")

    def write_aside():
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    _step(write_aside)
    _step(lambda: os.replace(aside, path))


def move(source, target):
    """Renames a file. One that is there already under the new name is replaced: callers move equal content only."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    _step(lambda: os.replace(source, target))


def remove(path):
    _step(lambda: Path(path).unlink(missing_ok=True))


def digest(path):
    """Returns the SHA-1 of a file's content, which is how libFuzzer names inputs."""
    return hashlib.sha1(Path(path).read_bytes()).hexdigest()


def sweep(folder):
    """Removes what interrupted writes left beside the files of a folder."""
    for left in Path(folder).rglob(".*.aside"):
        left.unlink(missing_ok=True)
