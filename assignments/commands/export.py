"""`export`: the best network of a run for use without its code."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from data_tools.language import show


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "export", export)
    command.add_argument("target", metavar="NAME|RUN", help="a work (its best run) or a run folder")
    command.add_argument("--onnx", action="store_true", help="also model.onnx (needs paddle2onnx)")
    command.add_argument("--int8", action="store_true",
                         help="also ONNX in 8 bits, if it loses at most 0.3 points of accuracy")
    command.add_argument("--bfloat16", action="store_true",
                         help="also --onnx; OpenVINO in bfloat16 may be chosen, if it loses at most 0.3 points")
    command.add_argument("--data", default="",
                         help="images for --int8 and --bfloat16, as --data of run.py (default: the run's)")
    command.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="default: exported/ in the run folder")
    speaks(command)


def export(arguments: argparse.Namespace) -> int:
    """Write the best network of a run for use without its code: Paddle Inference, on request ONNX."""
    from assignments.common.export import export_run

    folder = export_run(arguments.target, arguments.onnx, arguments.out, arguments.int8, arguments.data,
                        arguments.bfloat16)
    show(f"written to {folder}")
    return 0
