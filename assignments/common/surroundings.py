"""What the kit finds around it: versions, device, the data of each work."""

import sys
from collections.abc import Callable
from typing import Any

from assignments.common.health import OK, WARNING, Finding
from assignments.common.works import work_names, work_of
from data_tools.errors import KitError
from data_tools.files.places import short_path


def data_of_works() -> list[Finding]:
    """The data that each work finds without --data, a finding each."""
    found = []
    for name in work_names():
        try:
            searched = work_of(name).searched()
        except KitError as error:
            found.append(Finding(WARNING, name, f"cannot be taken: {error}"))
            continue
        found += [_data(what, find) for what, find in searched.items()]
    return found


def summary() -> list[str]:
    """Python, Paddle, device and the data, in few lines."""
    from data_tools.machine import cores
    from paddle_models.environment import paddle_version
    from paddle_models.trainer import runtime

    versions = ".".join(map(str, paddle_version()))
    return [f"Python {sys.version.split()[0]}, Paddle {versions}, {cores()} cores, "
            f"{runtime.describe(runtime.start('auto'))}", *(f"{each.what:16} {each.text}" for each in data_of_works())]


def _data(what: str, find: Callable[[], Any]) -> Finding:
    """Where the data lie that a work finds without --data, and what they are; or why it finds none."""
    try:
        data = find()
    except KitError as error:
        return Finding(WARNING, what, f"unusable: {str(error).splitlines()[0]}")
    return Finding(OK, what, f"{short_path(data.path)} ({data.origin})" if data else
                   "none: --data PATH (else pictures are drawn)")
