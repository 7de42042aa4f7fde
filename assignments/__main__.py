"""Everything from one place: list, run, figures, reproduce, report, compare, grade, submit, export, predict, data,
bench, doctor.

Heavy modules are imported by the sub-command that needs them, so help and list answer at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assignments.common.command_line import tells_errors
from data_tools.files.places import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "assignments"


def assignment_names() -> list[str]:
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


def export_command(arguments: argparse.Namespace) -> int:
    """Write the best network of a run for use without its code: Paddle Inference, on request ONNX."""
    from assignments.common.export import export_run

    folder = export_run(arguments.target, assignment_names(), arguments.onnx, arguments.out, arguments.int8,
                        arguments.data)
    print(f"written to {folder}")
    return 0


def predict_command(arguments: argparse.Namespace) -> int:
    """As assignments/NAME/predict.py: a trained network at work on pictures of one's own."""
    return _script(arguments.name, "predict.py", arguments.rest)


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Train each assignment with a preset, draw its figures and print the measured values beside the document's."""
    from assignments.commands.reproduce import reproduce

    return reproduce(arguments.names or assignment_names(), arguments.preset)


def report_command(arguments: argparse.Namespace) -> int:
    """Runs of all assignments as HTML pages and a Markdown tree: every number and figure beside the documents'."""
    from assignments.commands.report import report

    return report(arguments.names or (), arguments.runs, arguments.lang, arguments.out)


def compare_command(arguments: argparse.Namespace) -> int:
    """Runs side by side: settings that differ, metrics, curves overlaid."""
    from reports.pages.compare import compare_runs

    print(compare_runs(arguments.runs, arguments.out))
    print(f"\nwritten to {arguments.out}")
    return 0


def audit_command(arguments: argparse.Namespace) -> int:
    """What is wrong with a data set: unreadable, leaked, near-identical and misnamed images."""
    import json

    from data_tools.files.atomic import write_atomically
    from data_tools.sets.audit import audit, format_audit

    found = audit(arguments.path)
    print(format_audit(found))
    if arguments.json:
        write_atomically(arguments.json, json.dumps(found, indent=2, ensure_ascii=False).encode())
        print(f"written to {arguments.json}")
    return 0


def sample_command(arguments: argparse.Namespace) -> int:
    """Draw a stand-in set: monkeys, celeba, textures or glasses."""
    from data_tools.sets.samples import SAMPLES, draw_sample

    name, folder = arguments.name, arguments.folder
    if folder is None and name not in SAMPLES:  # `data sample FOLDER`: the monkeys
        name, folder = "monkeys", name
    print(draw_sample(name, folder, arguments.seed, arguments.count))
    return 0


def pack_command(arguments: argparse.Namespace) -> int:
    """Pack images of any size as TFRecord shards, which any program reads and training reads fastest."""
    from data_tools.packed.pack_sizes import pack_all
    from data_tools.sets.folders import find_images, folder_classes

    sets = find_images(arguments.source, arguments.split)
    for packed in pack_all(tuple(sets.values()), arguments.folder, arguments.size, crop=arguments.crop,
                           shard=arguments.shard,
                           encoding=arguments.encoding, processes=arguments.processes,
                           skip_unreadable=arguments.skip_unreadable == "true"):
        print(packed)
    if "images" in sets and (classes := folder_classes(sets["images"])):
        print(f"labels: {', '.join(f'{label} {name}' for label, name in sorted(classes.items()))}")
    print(f"written to {arguments.folder}")
    return 0


def fetch_command(arguments: argparse.Namespace) -> int:
    """Download a data set."""
    from data_tools.files.download import fetch

    print(fetch(arguments.name, arguments.folder))
    return 0


def weights_command(arguments: argparse.Namespace) -> int:
    """Convert PyTorch weights by name to this kit's safetensors."""
    from paddle_models.weights.convert import convert

    metadata = convert(arguments.source, arguments.model, arguments.out)
    print(f"written to {arguments.out} ({', '.join(f'{key} {value}' for key, value in metadata.items())})")
    return 0


def release_command(arguments: argparse.Namespace) -> int:
    """Best weights of a run as a small float16 file with what is needed to build the network again."""
    from assignments.commands.release import release

    print(release(arguments.target, arguments.out, assignment_names()))
    return 0


def grade_command(arguments: argparse.Namespace) -> int:
    """Grade run folders or zips of them, one or a class: weights judged again, claims compared, points by a rubric."""
    from assignments.commands.grade import grade

    return grade(arguments)


def submit_command(arguments: argparse.Namespace) -> int:
    """The zip of a finished run that is handed in, checked as the teacher will check it."""
    from assignments.commands.submit import submit

    return submit(arguments.target, arguments.out, arguments.rubric, arguments.lang)


def gradescope_command(arguments: argparse.Namespace) -> int:
    """Build the autograder zip with which Gradescope grades submissions of an assignment."""
    from assignments.commands.autograder.build import build_autograder

    count = build_autograder(arguments.name, arguments.out, arguments.data, arguments.rubric, arguments.lang)
    print(f"written to {arguments.out} ({count} files, {arguments.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def bench_command(arguments: argparse.Namespace) -> int:
    """Speed beside Paddle's defaults, PyTorch and the documents' ways, measured in turns; writes reports/benchmarks."""
    from assignments.bench.command import bench

    return bench(arguments.names, arguments.rounds, arguments.out, arguments.quick, arguments.sizes)


def doctor_command(_: argparse.Namespace) -> int:
    """What this machine offers the kit."""
    from assignments.commands.doctor import examine

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
    command = add("export", export_command)
    command.add_argument("target", metavar="NAME|RUN", help="an assignment (its newest run) or a run folder")
    command.add_argument("--onnx", action="store_true", help="also model.onnx (needs paddle2onnx)")
    command.add_argument("--int8", action="store_true",
                         help="also ONNX in 8 bits, if it loses at most 0.3 points of accuracy")
    command.add_argument("--data", default="",
                         help="images for --int8, as --data of run.py (default: those of the run)")
    command.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="default: exported/ in the run folder")
    command = add("predict", predict_command)
    command.add_argument("name", choices=sorted(path.parent.name for path in FOLDER.glob("*/predict.py")))
    command.add_argument("rest", nargs=argparse.REMAINDER, help="options of predict.py")
    command = add("reproduce", reproduce_command)
    command.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    command.add_argument("--preset", default="sample")
    command = add("report", report_command)
    command.add_argument("--runs", nargs="+", default=[], metavar="NAME=DIR",
                         help="run folders (default: the newest of each)")
    command.add_argument("--lang", choices=("en", "zh", "both"), default="both")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="default: $KIT_REPORT, else reports/out")
    command.add_argument("--names", nargs="+", metavar="NAME", help="assignments (default: all)")
    command = add("compare", compare_command)
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN",
                         help="run folders; the first is what others differ from")
    command.add_argument("--out", type=Path, metavar="FOLDER", default=Path("comparison"),
                         help="of curves.png, .svg, .pdf, compare.md and two .csv (default: comparison)")
    data = commands.add_parser("data", help="look at, draw or download data").add_subparsers(required=True,
                                                                                             metavar="WHAT")
    command = add("audit", audit_command, data)
    command.add_argument("path", type=Path)
    command.add_argument("--json", type=Path, help="also write it to this file")
    command = add("sample", sample_command, data)
    command.add_argument("name", help="monkeys, celeba, textures or glasses (a folder alone: monkeys)")
    command.add_argument("folder", type=Path, nargs="?", help="default: data/drawn-NAME")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--count", type=int,
                         help="faces (default: celeba 2000, glasses 1500) or training pictures (textures; 60)")
    command = add("pack", pack_command, data)
    command.add_argument("source", help="a glasses set (folder or zip), sample, celeba:PATH, or any folder of images")
    command.add_argument("folder", type=Path, help="where the packed folders go: training-32, ...")
    command.add_argument("--size", type=int, nargs="+", default=[32, 64, 128], metavar="PIXELS",
                         help="default: 32 64 128")
    command.add_argument("--shard", type=int, default=450, metavar="IMAGES", help="images to a file (default: 450)")
    command.add_argument("--encoding", choices=("raw", "png"), default="raw",
                         help="png: a half of the room, read slower")
    command.add_argument("--crop", choices=("centre",),
                         help="the middle square only (default: the whole image, squeezed)")
    command.add_argument("--processes", type=int, metavar="N", help="default: one for each core, at most 4")
    command.add_argument("--split", choices=("training", "validation", "test", "unlabelled", "all"), default="all")
    command.add_argument("--skip_unreadable", choices=("true", "false"), default="false",
                         help="leave damaged images out")
    command = add("fetch", fetch_command, data)
    command.add_argument("name")
    command.add_argument("folder", type=Path)
    command = add("weights", weights_command)
    command.add_argument("source", type=Path,
                         help=".safetensors, .pth or .pth.tar as PyTorch writes it; nothing in it is run")
    command.add_argument("--model", required=True, help="network that they belong to; a wrong name lists them")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.safetensors")
    command = add("release", release_command)
    command.add_argument("target", metavar="NAME|RUN",
                         help="an assignment (its newest run) or the folder of a finished run")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.safetensors")
    from assignments.commands import grade  # as light as this module

    grade.add_options(add("grade", grade_command))
    command = add("submit", submit_command)
    command.add_argument("target", metavar="RUN|NAME", help="a run folder, or an assignment (its newest run)")
    command.add_argument("-o", "--out", type=Path, metavar="FILE.zip", help="default: NAME-RUN.zip here")
    command.add_argument("--rubric", type=Path, metavar="FILE", help="the teacher's (default: the kit's)")
    command.add_argument("--lang", choices=("en", "zh"), default="en")
    command = add("gradescope", gradescope_command)
    command.add_argument("name", choices=grade.graded_assignments())
    command.add_argument("-o", "--out", type=Path, default=Path("autograder.zip"), metavar="FILE.zip",
                         help="default: autograder.zip")
    command.add_argument("--data", default="",
                         help="the grader's data: a folder or file, which goes into the zip, or sample, "
                                                    "for swift_srgan also photographs (default: as the preset sample)")
    command.add_argument("--rubric", type=Path, metavar="FILE", help="default: the kit's for these data")
    command.add_argument("--lang", choices=("en", "zh"), default="en")
    command = add("bench", bench_command)
    command.add_argument("names", nargs="*", metavar="NAME",
                         help="cases (default: all; a wrong name lists them), growth, scale")
    command.add_argument("--rounds", type=int, help="turns of each side that count (default: 9; growth: 3)")
    command.add_argument("--out", type=Path, metavar="FOLDER",
                         help="of table.md and table.json (default: reports/benchmarks)")
    command.add_argument("--quick", action="store_true",
                         help="tiny sizes: shows that everything runs, measures nothing")
    command.add_argument("--sizes", type=int, nargs="+", default=[], metavar="IMAGES",
                         help="of growth (default: 1000 10000 50000 200000)")
    add("doctor", doctor_command)
    return parser


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend."""
    arguments = _parser().parse_args(argv)
    return arguments.function(arguments)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 still gets its table
    sys.exit(main())
