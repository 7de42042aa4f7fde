"""What this machine offers the kit: versions, device, threads, memory, fonts, data."""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "paddleclas", "numpy", "opencv-python", "imaug", "matplotlib", "visualdl")


def examine() -> int:
    """Print one line per finding; status 1 when the kit cannot train here."""
    found = {name: _version(name) for name in PACKAGES}
    print(f"python     {sys.version.split()[0]}")
    for name, number in found.items():
        print(f"{name:17}{number or 'absent'}")
    if found["paddlepaddle"] and found["paddlepaddle-gpu"]:
        print("error: both the CPU and the GPU wheel of Paddle are installed; they overwrite each other: uninstall both, "
              "then install one", file=sys.stderr)
        return 1
    if not (found["paddlepaddle"] or found["paddlepaddle-gpu"]):
        print("error: Paddle is absent: pip install -r requirements.txt", file=sys.stderr)
        return 1
    from data_tools.loader import fit_workers
    from data_tools.monkeys import find_monkeys
    from paddle_models.trainer import runtime
    from paddle_models.trainer.fast_layers import accelerate
    from paddle_models.zoo import build_model
    from reports.style import find_cjk_font

    print(f"device           {runtime.describe(runtime.start('auto'))}")
    print(f"fast layers      {accelerate(build_model('mobilenet_v2', 10)).reason}")
    print(f"loader workers   {fit_workers(None)}")
    print(f"free disk        {shutil.disk_usage('.').free / 2**30:.1f} GB here")
    print(f"Chinese font     {find_cjk_font() or 'none found: figures fall back to English'}")
    monkeys = find_monkeys()
    print(f"monkey images    {monkeys.path if monkeys else 'none found: the drawn sample is used'}")
    return 0


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
