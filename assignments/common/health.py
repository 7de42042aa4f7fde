"""Whether this Python has what the kit needs, each package within its bounds."""

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from assignments.common.interpreter import which_python
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

OK, WARNING, FAILURE = "OK", "warning", "FAILURE"  # a run works; works in part; does not work
PADDLES, PADDLE_BOUNDS = ("paddlepaddle", "paddlepaddle-gpu"), ">=2.6,<3.4"
# what a run cannot do without; others are for single commands, tests and checks of the code
TO_RUN = ("numpy", "scipy", "pillow", "scikit-learn", "threadpoolctl", "safetensors", "imaug", "opencv-python",
          "jsonargparse", "pyyaml", "filelock", "pooch", "tqdm", "google-crc32c", "matplotlib")
INSTALL = "pip install -r requirements.txt"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands (OK, WARNING, FAILURE), and what to do where it does not stand well."""

    level: str
    what: str
    text: str


def packages() -> list[Finding]:
    """Python, Paddle, then the requirements that are missing or out of their bounds, or a line that all are well."""
    from packaging.requirements import InvalidRequirement, Requirement

    found, count, file = [python(), paddle()], 0, PROJECT_ROOT / "requirements-common.txt"
    if not file.is_file():  # the kit's packages without its project
        return [*found, Finding(WARNING, "requirements", f"{file} is not there: bounds were not looked at")]
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            wanted = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:  # a comment, nothing
            continue
        if wanted.marker is None or wanted.marker.evaluate():
            count += 1
            found += _compared(wanted.name, str(wanted.specifier))
    return found if len(found) > 2 else [*found, Finding(OK, "requirements", f"all {count} within their bounds")]


def python() -> Finding:
    """Its version."""
    text, fits = sys.version.split()[0], (3, 10) <= sys.version_info[:2] < (3, 14)
    return Finding(OK if fits else FAILURE, "python", text if fits else f"{text}: 3.10 to 3.13 are supported")


def paddle() -> Finding:
    """Which wheel, one of two."""
    installed = [(name, found) for name in PADDLES if (found := installed_version(name))]
    if len(installed) > 1:
        return Finding(FAILURE, "paddle", "both the CPU and the GPU wheel are installed, and overwrite each other: "
                       f"pip uninstall -y {' '.join(PADDLES)}, then install one")
    if not installed:
        return Finding(FAILURE, "paddle", f"absent: {INSTALL}")
    name, found = installed[0]
    fits = _within(found, PADDLE_BOUNDS)
    return Finding(OK if fits else WARNING, name, found if fits else f"{found}: tried were {PADDLE_BOUNDS}")


def refuse_unfit() -> None:
    """KitError where a run would fail for what is installed here."""
    try:
        wrong = next((finding for finding in packages() if finding.level == FAILURE), None)
    except ModuleNotFoundError as error:
        raise KitError(which_python(error.name or "package")) from None
    if wrong:
        raise KitError(f"{wrong.what} {wrong.text} (`doctor` looks at everything)")


def installed_version(name: str) -> str:
    """Of a package; "" where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _compared(name: str, bounds: str) -> list[Finding]:
    """What is wrong with a package, if anything."""
    found = installed_version(name)
    if found and _within(found, bounds):
        return []
    to_run = name.lower() in TO_RUN
    if not found:
        return [Finding(FAILURE if to_run else WARNING, name, f"absent: {INSTALL}")]
    text = f"{found}, wanted {bounds}: pip install \"{name}{bounds}\""
    return [Finding(FAILURE if name == "numpy" else WARNING, name, text)]


def _within(found: str, bounds: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(bounds).contains(found, prereleases=True)
