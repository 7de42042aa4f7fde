"""Data sets from their public addresses: resumed after a cut, checked, web pages recognised."""

import contextlib
import http.client
import importlib.util
import json
import os
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import file_sha256, sync
from data_tools.files.locks import locked
from data_tools.files.places import expand
from data_tools.language import show
from data_tools.progress import Progress
from data_tools.progress import size as shown_size

BLOCK = 2**18
ATTEMPTS = 5
TIMEOUT = 30  # seconds without a byte
DIV2K_PAGE = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
SELFEXSR_PAGE = "https://github.com/jbhuang0604/SelfExSR"
SELFEXSR_FILES = "https://uofi.box.com/shared/static"


@dataclass(frozen=True)
class Archive:
    """A public data set. `sha256` and `size` are None where its publisher states none."""

    file: str
    url: str
    pages: tuple[str, ...]  # where a person can log in and download it
    kaggle: str | None = None  # owner/name for kagglehub
    sha256: str | None = None
    size: int | None = None
    option: str = "--data"  # of the command that takes the file


YUNET = "face_detection_yunet_2023mar.onnx"
ARCHIVES = {
    "yunet": Archive(  # a network that finds faces, MIT licence
        YUNET, f"https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/{YUNET}",
        ("https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",),
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", size=232_589, option="--yunet"),
    "10-monkey-species": Archive(
        "10-monkey-species.zip",
        "https://www.kaggle.com/api/v1/datasets/download/slothkong/10-monkey-species",
        ("https://www.kaggle.com/datasets/slothkong/10-monkey-species",
         "https://www.datafountain.cn/datasets/102"),
        kaggle="slothkong/10-monkey-species"),
    # Super-resolution. The tar archives have to be unpacked; zip archives are read as they are.
    "DIV2K_train": Archive(
        "DIV2K_train_HR.zip", "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip", (DIV2K_PAGE,),
        size=3_530_603_713),
    "DIV2K_valid": Archive(
        "DIV2K_valid_HR.zip", "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip", (DIV2K_PAGE,),
        sha256="20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc", size=448_993_893),
    "Flickr2K": Archive(
        "Flickr2K.tar", "https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar", ("https://github.com/limbee/NTIRE2017",)),
    "Set5": Archive("Set5.zip", f"{SELFEXSR_FILES}/kfahv87nfe8ax910l85dksyl2q212voc.zip", (SELFEXSR_PAGE,)),
    "Set14": Archive("Set14.zip", f"{SELFEXSR_FILES}/igsnfieh4lz68l926l8xbklwsnnk8we9.zip", (SELFEXSR_PAGE,)),
    "BSD100": Archive("BSD100.zip", f"{SELFEXSR_FILES}/qgctsplb8txrksm9to9x01zfa4m61ngq.zip", (SELFEXSR_PAGE,)),
    "Urban100": Archive("Urban100.zip", f"{SELFEXSR_FILES}/65upg43jjd0a4cwsiqgl6o6ixube6klm.zip", (SELFEXSR_PAGE,)),
    "T91": Archive(  # with BSDS200 (the training part of BSDS500) and General100
        "SR_training_datasets.zip", "http://vllab.ucmerced.edu/wlai24/LapSRN/results/SR_training_datasets.zip",
        ("http://vllab.ucmerced.edu/wlai24/LapSRN/",)),
    "BSDS500": Archive(
        "BSR_bsds500.tgz", "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",
        ("https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",)),
}


def fetch(name: str, folder: str | Path | None = None, progress: bool = True) -> Path:
    """The data set `name` of ARCHIVES: the archive in `folder`, or the folder of kagglehub.

    folder: data/ of the project by default.

    kagglehub is used where it is installed, since it knows the user's login; otherwise the public address is.
    A file that is already there is kept. Raises KitError that says how to get the data by hand.
    """
    if name not in ARCHIVES:
        raise KitError(f"unknown data set {name!r}; known: {', '.join(ARCHIVES)}")
    archive = ARCHIVES[name]
    target = expand(folder or places.data()) / archive.file
    if target.exists():
        problem = _problem(target, archive.file, archive.sha256, archive.size)
        if problem:
            raise KitError(f"{target} {problem}; remove it and fetch it again")
        return target
    if archive.kaggle and importlib.util.find_spec("kagglehub"):
        path = _from_kagglehub(archive.kaggle)
        if path is not None:
            return path
    return download(archive.url, target, sha256=archive.sha256, size=archive.size, pages=archive.pages,
                    progress=progress, option=archive.option)


def _from_kagglehub(handle: str) -> Path | None:
    import kagglehub

    try:
        with contextlib.redirect_stderr(sys.stdout):  # its progress bar is no error
            return Path(kagglehub.dataset_download(handle))
    except Exception as error:  # of any kind, no login too: the public address is next
        show(f"kagglehub could not fetch {handle} ({error}); trying its public address")
        return None


def download(url: str, target: str | Path, *, sha256: str | None = None, size: int | None = None,
             pages: tuple[str, ...] = (), progress: bool = True, option: str = "--data") -> Path:
    """Fetch `url` to `target`, which appears only when whole and right; sha256 (hex) and size are checked.

    What a cut connection left (`target`.part) is continued, if the server still has the same file. Raises
    KitError for an unreachable server, a web page in place of an archive, a wrong checksum or a full disk.
    """
    if not url.startswith(("http://", "https://")):
        raise KitError(f"{url} is no http or https address")
    target = Path(target)
    part = target.with_name(target.name + ".part")
    by_hand = f"download it by hand from {' or '.join(pages) or url} and pass {option} FILE"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(f"{target}.lock"):
            if not target.exists():  # else another process has just fetched it
                _receive(url, part, by_hand, progress, size)
                problem = _problem(part, target.name, sha256, size)
                _tag_file(part).unlink(missing_ok=True)
                if problem:
                    part.unlink()
                    raise KitError(f"{target.name} from {url} {problem}; it was removed: fetch it again, "
                                   f"or {by_hand}")
                os.replace(part, target)
    except OSError as error:
        reason = error.strerror or error
        raise KitError(f"cannot write {target}: {reason}; make room or name another folder") from error
    return target


def _receive(url: str, part: Path, by_hand: str, progress: bool, size: int | None) -> None:
    """Append to `part` until the server's length is reached; a cut connection is tried again from there."""
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            if _receive_once(url, part, by_hand, progress, size):
                return
            reason = "the connection was cut"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing comes after the part
                if part.exists() and error.headers.get("Content-Range") == f"bytes */{part.stat().st_size}":
                    return  # it was whole
                part.unlink(missing_ok=True)
                reason = "the file on the server has changed"
                continue
            raise KitError(f"{url} answered {error.code} {error.reason}; log in and {by_hand}") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", error))
    raise KitError(f"{url} could not be fetched in {ATTEMPTS} attempts ({reason}). Run the command again to "
                   f"continue where it stopped, or {by_hand}")


def _receive_once(url: str, part: Path, by_hand: str, progress: bool, size: int | None) -> bool:
    """Whether the file is complete after this connection; KitError as soon as there is more of it than `size`."""
    have, tag = (part.stat().st_size, _read_tag(part, url)) if part.exists() else (0, None)
    headers = {"User-Agent": "Mozilla/5.0 (data_tools.files.download)"}
    if have and tag:  # If-Range: a file that has changed since is sent whole
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        sent = answer.headers.get("Content-Range", "")
        continues = answer.status == 206 and sent.startswith(f"bytes {have}-")
        if not continues:
            have = 0
        length = answer.headers.get("Content-Length")
        first = answer.read(BLOCK)
        if not continues and _is_web_page(answer.headers.get_content_type(), first):
            raise KitError(f"{url} is a web page, not an archive: log in and {by_hand}")
        _write_tag(part, url, answer.headers.get("ETag") or answer.headers.get("Last-Modified"))
        total = int(length) + have if length and length.isdecimal() else None
        bar = Progress(total or 0, part.stem, progress, shown_size).begun(have)
        with bar, open(part, "ab" if continues else "wb") as file:
            block = first
            while block:
                have += len(block)
                if size is not None and max(have, total or 0) > size:
                    break
                file.write(block)
                bar.advance(count=len(block))
                block = answer.read(BLOCK)
            file.flush()
            sync(file.fileno())
    if size is not None and max(have, total or 0) > size:
        part.unlink()
        _tag_file(part).unlink(missing_ok=True)
        raise KitError(f"{url} sends more than the {size:,} bytes of {part.stem}; what had come was removed: "
                       f"{by_hand}")
    return total is None or part.stat().st_size >= total


def _is_web_page(content_type: str, head: bytes) -> bool:
    text = head[:512].lstrip().lower()
    return content_type == "text/html" or text.startswith((b"<!doctype html", b"<html"))


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _write_tag(part: Path, url: str, tag: str | None) -> None:
    _tag_file(part).write_text(json.dumps({"url": url, "tag": tag}), encoding="utf-8")


def _read_tag(part: Path, url: str) -> str | None:
    """The server's mark of the version that `part` began with; weak marks do not identify bytes."""
    try:
        kept = json.loads(_tag_file(part).read_text(encoding="utf-8"))
        tag = kept["tag"] if kept["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return tag if isinstance(tag, str) and not tag.startswith("W/") else None


def _problem(path: Path, name: str, sha256: str | None, size: int | None) -> str:
    """What is wrong with the file at `path` that is to be called `name`; empty where nothing is."""
    if size is not None and path.stat().st_size != size:
        return f"has {path.stat().st_size:,} bytes instead of {size:,}"
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        return f"has the sha256 {found} instead of {sha256}"
    if name.endswith(".zip") and not zipfile.is_zipfile(path):
        return "is no whole zip archive"
    return ""
