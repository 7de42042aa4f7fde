"""Steps aside for the package of that name: common/aside.py says when and why."""

import os.path
import runpy

runpy.run_path(os.path.join(os.path.dirname(os.path.dirname(__file__)), "common", "aside.py"))
