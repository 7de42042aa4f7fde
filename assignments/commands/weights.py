"""`weights`: PyTorch weights for this kit."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from data_tools.language import show


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "weights", weights)
    command.add_argument("source", type=Path,
                         help=".safetensors, .pth or .pth.tar as PyTorch writes it; nothing in it is run")
    command.add_argument("--model", required=True, help="network that they belong to; a wrong name lists them")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.safetensors")
    speaks(command)


def weights(arguments: argparse.Namespace) -> int:
    """Convert PyTorch weights by name to this kit's safetensors."""
    from paddle_models.weights.convert import convert

    metadata = convert(arguments.source, arguments.model, arguments.out)
    show(f"written to {arguments.out} ({', '.join(f'{key} {value}' for key, value in metadata.items())})")
    return 0
