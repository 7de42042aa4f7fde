"""The worked example's training as one self-contained HTML page: network and error, frame by frame."""

import json
from pathlib import Path

import numpy as np

from assignments.backprop.by_hand.backprop import sigmoid
from data_tools.files.atomic import write_atomically
from reports.run_reader import Run

TEMPLATE = Path(__file__).with_name("animation.html")
TEXTS = {
    "TITLE": ("The worked example learns", "计算示例的训练过程"),
    "INTRO": ("A 2-2-2 network of sigmoids, one training example, gradient descent. Steps are shown ever farther "
              "apart. "
              "#frame=60 at the end of the address opens a certain frame.",
              "2-2-2 的 sigmoid 网络，一个训练样本，梯度下降。显示的步数间隔逐渐增大。在地址末尾加 #frame=60 可直接打开某一帧。"),
    "NOSCRIPT": ("The animation needs JavaScript.", "动画需要 JavaScript。"),
    "NETWORK": ("The network with its weights", "网络及其权重"), "ERROR": ("Error over steps", "误差随步数的变化"),
    "PLAY": ("Play", "播放"), "BACK": ("One frame back", "后退一帧"), "NEXT": ("One frame on", "前进一帧"),
    "STEP": ("Step", "步数"),
    "KEYS": ("Keys: space plays and pauses, the arrows step.", "按键：空格播放或暂停，左右箭头逐帧移动。")}
WORDS = {
    "target": ("target", "目标"), "legend": ("thick: large weight; dashed: negative", "粗线：权重大；虚线：负权重"),
    "steps": ("step + 1; the dashed line is the target error", "步数 + 1；虚线为目标误差"), "step": ("step", "步数"),
    "play": ("Play", "播放"), "pause": ("Pause", "暂停")}


def write_animation(run: Run, file: Path, language: str = "en") -> Path:
    """Write the page from the arrays of a run; it needs no network and no other file. The same run gives the same
    bytes."""
    chosen = 1 if language == "zh" else 0
    steps = run.artifact("worked_steps", (None,), "iu")
    weights = run.artifact("worked_weights", (len(steps), 8), "f")
    outputs = run.artifact("worked_outputs", (len(steps), 2), "f")
    hidden = sigmoid(np.stack([weights[:, :2], weights[:, 2:4]], axis=1) @ np.array([0.05, 0.10]) + 0.35)  # (T, 2)
    data = {"steps": steps.tolist(), "loss": _rounded(run.artifact("worked_loss", (len(steps),), "f")),
            "weights": [_rounded(row) for row in weights],
            "units": [_rounded(row) for row in np.hstack([hidden, outputs])],
            "target": float(run.setting("target_error", 3.6e-5)),
            "words": {key: pair[chosen] for key, pair in WORDS.items()}}
    page = TEMPLATE.read_text(encoding="utf-8").replace("__LANG__", ("en", "zh-CN")[chosen])
    for key, pair in TEXTS.items():
        page = page.replace(f"__{key}__", pair[chosen])
    # never ends the script element
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    write_atomically(file, page.replace("__DATA__", text).encode("utf-8"))
    return file


def _rounded(values: np.ndarray) -> list[float]:
    """Nine significant digits are more than is shown."""
    return [float(f"{value:.9g}") for value in values]
