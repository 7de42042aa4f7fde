"""One process of a pack: reads jobs as lines of JSON, writes one shard for each, answers with a line of JSON.

Started as `python -m data_tools.packed.pack_worker` by record_packing.py. It imports no network, so it stays small.
"""

import hashlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import atomic_path
from data_tools.files.image_set import decode
from data_tools.files.sources import Source, open_source
from data_tools.packed.store import middle_square, resize
from data_tools.packed.tfrecord import encode_example, frame

# Level 9 saves another 3 % and takes five times as long.
PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED)


def prepare(image: np.ndarray, size: int, crop: str | None) -> np.ndarray:
    """(H, W, 3) uint8 to (size, size, 3), as PackedStore does it."""
    return resize(middle_square(image) if crop else image, size)


def write_shard(source: Source, job: dict) -> dict:
    """Write the shard of a job, one image in memory at a time.

    job: target, names, labels (a list of numbers each), size, crop, encoding, skip. Returns {"images", "bytes",
    "sha256", "left_out": [[name, why]]}. Without skip, a shard with unreadable images is not written: Unreadable names
    all of them.
    """
    left_out, digest, count, images = [], hashlib.sha256(), 0, 0
    with atomic_path(Path(job["target"])) as temporary, open(temporary, "wb") as file:
        for name, label in zip(job["names"], job["labels"]):
            try:
                content = source.read(name)
                image = prepare(decode(content, name), job["size"], job["crop"])
            except KitError as error:
                left_out.append([name, str(error)])
                continue
            if left_out and not job["skip"]:
                continue  # only the names of what else cannot be read are still wanted
            record = frame(encode_example({
                "image/encoded": _encode(image, job["encoding"]), "image/format": job["encoding"],
                "image/height": job["size"], "image/width": job["size"], "image/channels": 3,
                "image/class/label": label, "image/filename": name.encode("utf-8", "surrogateescape"),
                "image/sha256": hashlib.sha256(content).hexdigest()}))
            file.write(record)
            digest.update(record)
            count, images = count + len(record), images + 1
        if left_out and not job["skip"]:
            raise Unreadable(left_out)
    return {"images": images, "bytes": count, "sha256": digest.hexdigest(), "left_out": left_out}


class Unreadable(Exception):
    """Images of a shard that cannot be read: [[name, why]]."""

    def __init__(self, images: list[list[str]]):
        super().__init__(f"{len(images)} images cannot be read")
        self.images = images


def _encode(image: np.ndarray, encoding: str) -> bytes:
    if encoding == "raw":
        return np.ascontiguousarray(image).tobytes()
    return cv2.imencode(".png", image[..., ::-1], PNG)[1].tobytes()


def answer(source: Source, job: dict) -> dict:
    """write_shard(), with errors as text."""
    try:
        return write_shard(source, job)
    except Unreadable as error:
        return {"unreadable": error.images}
    except KitError as error:
        return {"error": str(error)}
    except Exception:
        return {"fault": traceback.format_exc()}


def main() -> None:
    """Jobs from standard input to its end; the first line is the place of the images."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to decide on
    cv2.setNumThreads(1)
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    source = open_source(json.loads(jobs.get()))
    while True:
        print(json.dumps(answer(source, json.loads(jobs.get()))), flush=True)


def _listen(jobs: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # the parent has finished, or is gone: a shard half written is never renamed


if __name__ == "__main__":
    main()
