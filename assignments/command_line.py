"""How every command of the kit tells people of an error that they can mend."""

import functools
import sys
from typing import Callable

from data_tools.errors import KitError


def tells_errors(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of a command line, which returns the exit status: a KitError becomes one line on standard error and status 2."""
    @functools.wraps(main)
    def told(*arguments, **named) -> int:
        try:
            return main(*arguments, **named)
        except KitError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return told
