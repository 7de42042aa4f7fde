"""Packing images into TFRecord shards: in parallel, with little memory, and on from where it was interrupted."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256
from data_tools.files.image_set import DECODE_VERSION, ImageSet
from data_tools.files.locks import locked
from data_tools.files.places import PROJECT_ROOT, expand
from data_tools.language import said
from data_tools.machine import cores
from data_tools.packed.pack_worker import answer
from data_tools.packed.record_files import (
    ENCODINGS,
    FORMAT,
    LARGEST_SIZE,
    MANIFEST,
    SHARD_NAME,
    attribute_count,
    class_counts,
    fingerprint,
    read_index,
    read_manifest,
    shard_names,
    write_manifest,
)
from data_tools.packed.store import CROPS, with_stamps
from data_tools.progress import Progress, tell
from data_tools.terminal import is_live

SHARD = 450  # images; the document's chunk
MOST_SHARDS = 99_999
MOST_PROCESSES = 4  # unless asked for more: each needs some 80 MB


@dataclass(frozen=True)
class _Plan:
    """What is to be packed, how and where."""

    image_set: ImageSet
    target: Path
    size: int
    crop: str | None
    shard: int
    encoding: str
    skip_unreadable: bool

    def shards(self) -> dict[str, range]:
        """{file name: rows of the image set}."""
        count = len(self.image_set)
        starts = range(0, count, self.shard)
        return {name: range(start, min(start + self.shard, count))
                for name, start in zip(shard_names(len(starts)), starts)}

    def manifest(self) -> dict:
        """That of a pack which begins."""
        return {"format": FORMAT, "name": self.image_set.name, "size": self.size, "crop": self.crop,
                "encoding": self.encoding, "shard": self.shard, "attributes": attribute_count(self.image_set.labels),
                "complete": False, "images": 0, "classes": {}, "bytes": 0, "seconds": 0.0, "fingerprint": "",
                "state": source_state(self.image_set), "shards": {}}

    def goes_on(self, manifest: dict) -> bool:
        """Whether shards of that pack are shards of this one."""
        fresh = self.manifest()
        return all(manifest[key] == fresh[key] for key in ("size", "crop", "encoding", "shard", "attributes", "state"))

    def job(self, name: str, rows: range) -> dict:
        mine = slice(rows.start, rows.stop)
        labels = self.image_set.labels[mine].reshape(len(rows), -1).tolist()
        return {"target": str(self.target / name), "names": self.image_set.names[mine], "labels": labels,
                "size": self.size, "crop": self.crop, "encoding": self.encoding, "skip": self.skip_unreadable}


def source_state(image_set: ImageSet) -> str:
    """Hash of names, labels, and sizes and times of change (or an archive's checksums): other after any change."""
    digest = with_stamps(image_set, f"[{DECODE_VERSION}, {json.dumps(image_set.names)}, [")
    digest.update(f"]]{image_set.labels.dtype} {image_set.labels.shape}".encode() + image_set.labels.tobytes())
    return digest.hexdigest()


def pack(image_set: ImageSet, size: int, folder: str | Path, *, crop: str | None = None, shard: int = SHARD,
         encoding: str = "raw", processes: int | None = None, progress: bool = True,
         skip_unreadable: bool = False) -> Path:
    """Pack `image_set` at `size` x `size` into folder/NAME-SIZE and return that; record_files.py describes its files.

    crop: "centre" takes the middle square before resizing; None squeezes the whole image into the square. shard: images
    to a file. encoding: "raw" pixels, which are read fastest, or "png". processes: default one for each core, at most
    4; the bytes are the same with any number.
    What an interrupted pack had finished is kept, once its checksum agrees; a complete one is left as it is; a pack of
    changed images or other settings is replaced. Raises KitError that lists every image that cannot be read (unless
    skip_unreadable leaves them out), where the folder holds other things, a process is killed or the disk is full.
    """
    if not len(image_set):
        raise KitError(f"{image_set.name}: no images in {image_set.source.path}")
    if not 1 <= size <= LARGEST_SIZE or encoding not in ENCODINGS or crop not in CROPS:
        raise KitError(f"cannot pack at size {size} with encoding {encoding!r} and crop {crop!r}: sizes are 1 to "
                       f"{LARGEST_SIZE}, encodings {' and '.join(ENCODINGS)}, crops {' and '.join(map(str, CROPS))}")
    if shard < 1 or len(image_set) > shard * MOST_SHARDS or (processes is not None and processes < 1):
        raise KitError(f"cannot pack {len(image_set):,} images with {shard} to a shard and {processes} processes: give "
                       f"at least 1, and at most {MOST_SHARDS:,} shards")
    target = expand(folder).absolute() / f"{image_set.name}-{size}"
    plan = _Plan(image_set, target, size, crop, shard, encoding, skip_unreadable)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with locked(target.with_name(f".{target.name}.lock")):
            _pack(plan, processes or min(MOST_PROCESSES, cores()), progress)
    except OSError as error:
        raise KitError(f"cannot write the records to {target}: {error.strerror or error}; make room there or name "
                       "another folder, then run the command again: finished shards are kept") from error
    return target


def _pack(plan: _Plan, processes: int, progress: bool) -> None:
    """The caller holds the lock."""
    begin = time.perf_counter()
    manifest = _begun(plan)
    wanted = plan.shards()
    manifest["shards"] = {name: entry for name, entry in manifest["shards"].items()
                          if name in wanted and _is_whole(plan, name, entry)}
    jobs = {name: plan.job(name, rows) for name, rows in wanted.items() if name not in manifest["shards"]}
    if manifest["complete"] and not jobs:
        return
    if not manifest["complete"]:
        write_manifest(plan.target, manifest)
    # A complete pack stays so until a shard has been written: what is refused before that leaves it as it was.
    manifest["complete"], before, unreadable = False, manifest["seconds"], []
    with closing(_watched(_shards(plan, jobs, processes), plan, jobs, progress)) as results:
        for name, result in results:
            if "unreadable" in result:
                unreadable += result["unreadable"]
                continue
            result["left_out"] = [name for name, _ in result["left_out"]]
            manifest["shards"][name] = result
            manifest["seconds"] = round(before + time.perf_counter() - begin, 3)
            write_manifest(plan.target, manifest)
    if unreadable:
        place = {name: row for row, name in enumerate(plan.image_set.names)}
        listing = "".join(f"\n  - {why}" for _, why in sorted(unreadable, key=lambda image: place[image[0]]))
        raise KitError(f"{len(unreadable)} of {len(plan.image_set)} images in {plan.image_set.source.path} cannot be "
                       f"read:{listing}\nRepair or delete them, or leave them out with --skip_unreadable true")
    manifest["shards"] = dict(sorted(manifest["shards"].items()))
    entries = manifest["shards"].values()
    if not any(entry["images"] for entry in entries):
        raise KitError(f"none of the {len(plan.image_set)} images in {plan.image_set.source.path} can be read")
    index = read_index(plan.target, manifest)
    manifest.update(
        complete=True, images=len(index.names), classes=class_counts(index.labels),
        bytes=sum(entry["bytes"] for entry in entries), seconds=round(before + time.perf_counter() - begin, 3),
        fingerprint=fingerprint(index.labels, index.hashes, plan.size, plan.crop))
    write_manifest(plan.target, manifest)


def _begun(plan: _Plan) -> dict:
    """The manifest of the same pack, begun or complete, else a new one in an emptied folder."""
    try:
        found = read_manifest(plan.target)
    except KitError:  # damaged: its shards cannot be trusted either
        found = None
    foreign = [path.name for path in plan.target.iterdir()
               if not path.name.startswith(".") and path.name != MANIFEST and not SHARD_NAME.fullmatch(path.name)]
    if foreign:
        raise KitError(f"{plan.target} holds something else ({sorted(foreign)[0]}); it is left alone. "
                       "Name a new folder")
    manifest = found if found and plan.goes_on(found) else plan.manifest()
    for path in plan.target.iterdir():  # of another pack, or half a shard of one that was killed
        if path.name.endswith(".tmp") or (SHARD_NAME.fullmatch(path.name) and manifest is not found):
            path.unlink()
    return manifest


def _is_whole(plan: _Plan, name: str, entry: dict) -> bool:
    path = plan.target / name
    try:
        return (path.stat().st_size == entry["bytes"] and (plan.skip_unreadable or not entry["left_out"])
                and file_sha256(path) == entry["sha256"])
    except FileNotFoundError:
        return False


def _shards(plan: _Plan, jobs: dict[str, dict], processes: int) -> Iterator[tuple[str, dict]]:
    """(name, what write_shard() found) of each job, as they are finished."""
    if min(processes, len(jobs)) <= 1:
        for name, job in jobs.items():
            yield name, _checked(answer(plan.image_set.source, job))
        return
    waiting: SimpleQueue[tuple[str, dict]] = SimpleQueue()
    results: SimpleQueue[tuple[str, dict] | Exception] = SimpleQueue()
    for item in jobs.items():
        waiting.put(item)
    crew: list[subprocess.Popen] = []
    threads: list[threading.Thread] = []
    try:
        for _ in range(min(processes, len(jobs))):
            crew.append(_start())
            part = (crew[-1], plan.image_set.source.path, waiting, results)
            threads.append(threading.Thread(target=_serve, args=part))
            threads[-1].start()
        for _ in jobs:
            result = results.get()
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        _end(crew, threads)
        for half in plan.target.glob(".*.tmp"):  # shards of those that were killed
            half.unlink(missing_ok=True)


def _end(crew: list[subprocess.Popen], threads: list[threading.Thread]) -> None:
    for process in crew:
        process.kill()  # it holds nothing that others need
    for thread in threads:
        thread.join()
    for process in crew:
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what a killed one was still to be told
                if pipe is not None:
                    pipe.close()
        process.wait()


def _start() -> subprocess.Popen:
    """A program of its own with pipes that nobody else holds: no copy of this process, whose other threads may hold
    locks; when it is killed its pipe ends, where a pool with one queue for all would wait for ever.
    """
    return subprocess.Popen([sys.executable, "-m", "data_tools.packed.pack_worker"], cwd=PROJECT_ROOT, text=True,
                            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def _serve(process: subprocess.Popen, source: str, waiting: SimpleQueue, results: SimpleQueue) -> None:
    """Hand jobs to one process until none is left; an error ends it and goes where the results go."""
    assert process.stdin is not None and process.stdout is not None  # both are pipes
    try:
        lines = [json.dumps(source)]
        while True:
            try:
                name, job = waiting.get_nowait()
            except Empty:
                return
            print(*lines, json.dumps(job), sep="\n", file=process.stdin, flush=True)
            line, lines = process.stdout.readline(), []
            if not line.endswith("\n"):
                raise EOFError("no answer")
            results.put((name, _checked(json.loads(line))))
    except (OSError, EOFError):
        results.put(KitError("a packing process ended unexpectedly; memory may have run out: use fewer --processes. "
                             "Run the command again: finished shards are kept"))
    except Exception as error:
        results.put(error)


def _checked(result: dict) -> dict:
    if "error" in result:
        raise KitError(result["error"])
    if "fault" in result:
        raise RuntimeError(result["fault"])
    return result


def _watched(results: Iterator, plan: _Plan, jobs: dict[str, dict],
             progress: bool) -> Generator[tuple[str, dict], None, None]:
    what = f"packing {plan.image_set.name} at {plan.size}"
    total = sum(len(job["names"]) for job in jobs.values())
    if progress and not is_live():
        kept = len(plan.image_set) - total
        tell(said(f"{what}: {total:,} images, {kept:,} are packed already" if kept else f"{what}: {total:,} images"))
    with Progress(total, what, progress) as bar:
        for name, result in results:
            yield name, result
            bar.advance(count=len(jobs[name]["names"]))
