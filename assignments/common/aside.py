"""What assignments/NAME/assignments.py runs: a script of that folder, started as a file, finds that module first where
it imports `assignments`.

Where this Python has the kit and what it needs, that is imported in its place; else a line says which Python has it.
"""

import importlib
import os.path
import sys

sys.path.remove(os.path.dirname(sys.modules.pop("assignments").__file__ or ""))
try:
    interpreter = importlib.import_module("assignments.common.interpreter")
except ModuleNotFoundError:
    sys.exit("error: this Python lacks the kit; use .venv/bin/python, made by: make install")
try:
    interpreter.check()
except interpreter.KitError as error:
    sys.exit(f"error: {error}")
