"""One peer in a process of its own: python -m assignments.bench.peer CASE NUMBER SECONDS QUICK SCRATCH (see
harness.py).

Nothing of Paddle or of the kit's networks is imported here: a peer that stands for plain Paddle must be able to import
it first, without the kit's settings.
"""

import os
import sys
import zlib  # noqa: F401  before Paddle: 2.6.2 carries its own zlib symbols
from pathlib import Path

from assignments.bench.cases import find_case
from assignments.bench.turns import Absent, Finished, Turns
from data_tools.errors import KitError


def main() -> int:
    """Prepare when a line arrives on standard input, then work at each further one, until that is closed."""
    case, number, seconds, quick, scratch = sys.argv[1:]
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not get among the messages
    if not sys.stdin.readline():
        return 0
    turns = Turns(float(seconds), quick == "quick", Path(scratch), channel)
    try:
        find_case(case).peers[int(number)].work(turns)
    except Finished:
        return 0
    except Absent as reason:
        turns.send({"absent": str(reason)})
        return 0
    except KitError as error:
        turns.send({"failed": str(error)})
    return 1


if __name__ == "__main__":
    sys.exit(main())
