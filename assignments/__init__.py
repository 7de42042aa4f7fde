"""One folder per reproduced work; each pairs a runner with a script that redraws its figures."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036  what comes next is not read by older ones
    sys.exit(f"error: this Python is {sys.version.split()[0]}; use .venv/bin/python, made by: make install")
