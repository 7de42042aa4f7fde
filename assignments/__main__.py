"""Everything from one place: list, run, figures, reproduce, data, doctor.

Heavy modules are imported by the sub-command that needs them, so help and list answer at once.
"""

import argparse
import sys
from pathlib import Path
from typing import List, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_tools.errors import KitError  # noqa: E402

FOLDER = Path(__file__).resolve().parent


def assignment_names() -> List[str]:
    """Folders with a run.py, in the order of the alphabet."""
    return sorted(path.parent.name for path in FOLDER.glob("*/run.py"))


def list_command(_: argparse.Namespace) -> int:
    """Name, purpose and presets of each assignment."""
    import ast

    from paddle_models.trainer.settings import read_presets

    for name in assignment_names():
        source = (FOLDER / name / "__init__.py").read_text(encoding="utf-8")
        print(f"{name}: {ast.get_docstring(ast.parse(source))}")
        for preset, details in read_presets(FOLDER / name / "presets.yaml").items():
            print(f"  {preset:8} {details['hardware']}, {details['time']}")
    return 0


def run_command(arguments: argparse.Namespace) -> int:
    """As assignments/NAME/run.py."""
    return _script(arguments.name, "run.py", arguments.rest)


def figures_command(arguments: argparse.Namespace) -> int:
    """As assignments/NAME/figures.py."""
    return _script(arguments.name, "figures.py", arguments.rest)


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Train each assignment with a preset, draw its figures and print the measured values beside the document's."""
    from assignments.reproduce import reproduce

    return reproduce(arguments.names or assignment_names(), arguments.preset)


def audit_command(arguments: argparse.Namespace) -> int:
    """What is wrong with a data set: unreadable, leaked, near-identical and misnamed images."""
    import json

    from data_tools.audit import audit, format_audit
    from data_tools.files import write_atomically

    found = audit(arguments.path)
    print(format_audit(found))
    target = arguments.json or Path("audit.json")
    write_atomically(target, json.dumps(found, indent=2, ensure_ascii=False).encode())
    print(f"written to {target}")
    return 0


def sample_command(arguments: argparse.Namespace) -> int:
    """Draw the stand-in set of monkeys."""
    from data_tools.monkey_sample import draw_monkeys

    print(draw_monkeys(arguments.folder, seed=arguments.seed, progress=True))
    return 0


def fetch_command(arguments: argparse.Namespace) -> int:
    """Download a data set."""
    from data_tools.download import fetch

    print(fetch(arguments.name, arguments.folder))
    return 0


def doctor_command(_: argparse.Namespace) -> int:
    """What this machine offers the kit."""
    from assignments.doctor import examine

    return examine()


def _script(name: str, script: str, rest: Sequence[str]) -> int:
    import importlib

    module = importlib.import_module(f"assignments.{name}.{script[:-3]}")
    return module.main(list(rest))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assignments", description=__doc__.splitlines()[0],
                                     allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function, within=commands) -> argparse.ArgumentParser:
        command = within.add_parser(name, help=function.__doc__.splitlines()[0], allow_abbrev=False)
        command.set_defaults(function=function)
        return command

    add("list", list_command)
    for name, function in (("run", run_command), ("figures", figures_command)):
        command = add(name, function)
        command.add_argument("name", choices=assignment_names())
        command.add_argument("rest", nargs=argparse.REMAINDER, help=f"options of {name}.py")
    command = add("reproduce", reproduce_command)
    command.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    command.add_argument("--preset", default="sample")
    data = commands.add_parser("data", help="look at, draw or download data").add_subparsers(required=True, metavar="WHAT")
    command = add("audit", audit_command, data)
    command.add_argument("path", type=Path)
    command.add_argument("--json", type=Path, help="where the JSON goes (default: ./audit.json)")
    command = add("sample", sample_command, data)
    command.add_argument("folder", type=Path)
    command.add_argument("--seed", type=int, default=0)
    command = add("fetch", fetch_command, data)
    command.add_argument("name")
    command.add_argument("folder", type=Path)
    add("doctor", doctor_command)
    return parser


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command line; 2 for an error that the user can mend."""
    try:
        arguments = _parser().parse_args(argv)
        return arguments.function(arguments)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
