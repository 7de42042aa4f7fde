"""The process that judges a run, shut in before it reads the submission: no student's code runs there, so this is a
second wall behind readers that execute nothing.

Landlock: files outside of Python, the kit, the grader's data and this one submission cannot be read, and only the
scratch folder and the cache can be written. seccomp: no network, no new processes, no signals to others. A network
namespace of its own where the user may have one. What the system lacks is said in one line for the class (Jail.notice).
"""

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from data_tools.files import places

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/opt", "/etc", "/proc", "/sys", "/dev/urandom", "/dev/random", "/dev/zero")
WRITABLE = ("/dev/null",)
LINKS = 2000  # entries of the grader's data among which links to other places are looked for


def shut_in(readable: Sequence[str], writable: Sequence[str]) -> dict[str, str]:
    """Shut the calling process in for good; {means: why} of what could not be had. It has one thread."""
    if sys.platform != "linux":
        return {"Landlock": "Linux only", "seccomp": "Linux only"}
    from reports.grading import kernel

    missing = {}
    with suppress(OSError):  # seccomp refuses the network as well
        kernel.unshare_network()
    steps = {"Landlock": lambda: kernel.landlock([*readable, *writable], writable), "seccomp": kernel.seccomp}
    for name, step in steps.items():
        try:
            kernel.control(kernel.NO_NEW_PRIVILEGES, 1)
            step()
        except OSError as error:
            missing[name] = str(error)
    return missing


def lacking() -> str:
    """What this system lacks to shut a judging process in, in words; found out in a process that ends at once."""
    if sys.platform != "linux":
        return ""  # there is nothing that could be mended
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            missing = shut_in(SYSTEM, WRITABLE)
            os.write(writer, "; ".join(f"{name}: {why}" for name, why in missing.items()).encode()[:4000])
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        found = stream.read().decode()
    os.waitpid(pid, 0)
    return found


def needed(submission: Path, scratch: Path, data: Sequence[str]) -> tuple[list[str], list[str]]:
    """(what judging has to read, what it has to write). data: as of --data; "celeba:PATH" and places where sets are
    looked for count too."""
    cache = places.cache()
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
    data = [*map(os.path.expanduser, (part for place in data for part in (place, place.partition(":")[2]))),
            os.path.expanduser("~/data"), *(value for name, value in os.environ.items() if name.endswith("_DATA"))]
    python = [*sysconfig.get_paths().values(), site.getusersitepackages(), sys.prefix, sys.base_prefix,
              *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    mine = [submission, places.PROJECT_ROOT, places.data(), places.sample_folder("x").parent,
            *map(Path, (*python, *data))]
    found = dict.fromkeys(os.path.realpath(path) for path in mine if str(path) not in ("", ".") and path.exists())
    linked = [link for place in data if os.path.isdir(place) for link in _links(place)]
    return [*SYSTEM, *found, *linked], [*WRITABLE, os.path.realpath(scratch), os.path.realpath(cache)]


def _links(folder: str) -> Iterator[str]:
    """Where links in a folder of data lead; the upper folders first, at most LINKS entries."""
    waiting, left = [folder], LINKS
    while waiting and left:
        with suppress(OSError), os.scandir(waiting.pop(0)) as found:
            for item in islice(found, left):
                left -= 1
                if item.is_symlink():
                    yield os.path.realpath(item.path)
                elif item.is_dir():
                    waiting.append(item.path)
