"""Downloads against a local server: resumed after a cut, checked, web pages named."""

import hashlib
import http.server
import json
import sys
import threading

import pytest

from data_tools.errors import KitError
from data_tools.files import download as module
from data_tools.files.atomic import file_sha256
from data_tools.files.download import Archive, download, fetch
from tests.data_tools.small_set import monkey_files, write_zip


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `content` with ranges; cuts the connection after `cut_after` bytes, `cuts` times."""

    def do_GET(self):
        server = self.server
        start = 0
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        if asked and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.send_header("ETag", server.tag)
        self.send_header("Content-Type", server.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            body = body[:server.cut_after]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content = write_zip(tmp_path / "made.zip", monkey_files()).read_bytes()
    server.kind, server.status, server.cuts, server.cut_after = "application/zip", 200, 0, 10_000
    server.tag, server.asked = '"first"', []
    server.address = f"http://127.0.0.1:{server.server_port}/archive.zip"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetches_and_checks(server, tmp_path):
    digest = hashlib.sha256(server.content).hexdigest()
    path = download(server.address, tmp_path / "new" / "a.zip", sha256=digest, size=len(server.content))
    assert path.read_bytes() == server.content and file_sha256(path) == digest
    assert sorted(p.name for p in path.parent.iterdir()) in (["a.zip"], ["a.zip", "a.zip.lock"])


def test_goes_on_after_a_cut_connection(server, tmp_path):
    server.cuts = 2
    path = download(server.address, tmp_path / "a.zip")
    assert path.read_bytes() == server.content
    assert server.asked == [None, "bytes=10000-", "bytes=20000-"]


def test_goes_on_in_the_next_run(server, tmp_path):
    server.cuts = module.ATTEMPTS
    server.cut_after = 1000
    with pytest.raises(KitError, match="Run the command again to continue"):
        download(server.address, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
    assert download(server.address, tmp_path / "a.zip").read_bytes() == server.content
    assert server.asked[-1] == f"bytes={1000 * module.ATTEMPTS}-"


@pytest.mark.parametrize("more, asked", [(b"", 1), (b"of another version", 2)])
def test_a_part_that_was_whole_already_is_kept(server, tmp_path, more, asked):
    whole = server.content + more
    (tmp_path / "a.zip.part").write_bytes(whole)
    (tmp_path / "a.zip.part.tag").write_text(json.dumps({"url": server.address, "tag": server.tag}))
    path = download(server.address, tmp_path / "a.zip")
    assert path.read_bytes() == server.content and server.asked == [f"bytes={len(whole)}-", None][:asked]
    assert not list(tmp_path.glob("a.zip.part*"))


def test_a_file_that_changed_on_the_server_is_not_patched_together(server, tmp_path):
    server.cuts, server.cut_after = module.ATTEMPTS, 1000
    with pytest.raises(KitError):
        download(server.address, tmp_path / "a.zip")
    server.tag, server.content = (
        '"second"',
        write_zip(tmp_path / "b.zip", monkey_files(training=4)).read_bytes(),
    )
    assert download(server.address, tmp_path / "a.zip").read_bytes() == server.content


@pytest.mark.parametrize("check", [{"sha256": "0" * 64}, {"size": 10**9}])
def test_wrong_content_is_removed_and_named(server, tmp_path, check):
    with pytest.raises(KitError, match=r"a\.zip.*instead of.*removed"):
        download(server.address, tmp_path / "a.zip", **check)
    assert not list(tmp_path.glob("a.zip*[!k]"))


def test_what_is_no_zip_is_not_kept_as_one(server, tmp_path):
    server.content = b"not an archive"
    with pytest.raises(KitError, match="no whole zip archive"):
        download(server.address, tmp_path / "a.zip")


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_recognised(server, tmp_path, kind):
    server.kind, server.content = kind, b"\n<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(KitError, match="is a web page, not an archive: log in and .*--data FILE") as caught:
        download(server.address, tmp_path / "a.zip", pages=("https://example.org/set",))
    assert "https://example.org/set" in str(caught.value)


def test_refusals_and_dead_servers_say_what_to_do(server, tmp_path):
    server.status = 403
    with pytest.raises(KitError, match="403.*--data FILE"):
        download(server.address, tmp_path / "a.zip")
    with pytest.raises(KitError, match="could not be fetched"):
        download("http://127.0.0.1:9/a.zip", tmp_path / "a.zip")
    with pytest.raises(KitError, match="no http"):
        download("file:///etc/hostname", tmp_path / "a.zip")


def test_fetch_knows_its_sets_and_keeps_what_is_there(server, tmp_path, monkeypatch):
    monkeypatch.setitem(module.ARCHIVES, "small", Archive("small.zip", server.address, ("https://example.org",)))
    assert fetch("small", tmp_path).read_bytes() == server.content
    fetch("small", tmp_path)
    assert len(server.asked) == 1
    (tmp_path / "small.zip").write_bytes(b"damaged")
    with pytest.raises(KitError, match="remove it and fetch it again"):
        fetch("small", tmp_path)
    assert (tmp_path / "small.zip").read_bytes() == b"damaged"  # a file of the user is not deleted
    with pytest.raises(KitError, match="unknown data set 'apes'; known: .*10-monkey-species"):
        fetch("apes")


def test_kagglehub_is_used_where_installed_and_its_failure_is_no_end(server, tmp_path, monkeypatch, capsys):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "kagglehub.py").write_text(
        "def dataset_download(handle):\n"
        "    if handle == 'a/good': return '/data/' + handle\n"
        "    raise RuntimeError('no login')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.delitem(sys.modules, "kagglehub", raising=False)
    for handle in ("a/good", "a/bad"):
        monkeypatch.setitem(module.ARCHIVES, handle, Archive("s.zip", server.address, (), kaggle=handle))
    assert str(fetch("a/good", tmp_path)) == "/data/a/good"
    assert fetch("a/bad", tmp_path) == tmp_path / "s.zip"
    assert "no login" in capsys.readouterr().out
    sys.modules.pop("kagglehub", None)


def test_more_bytes_than_are_known_are_not_received(server, tmp_path):
    server.content = bytes(5_000_000)
    url, target = f"http://127.0.0.1:{server.server_address[1]}/a.zip", tmp_path / "out" / "a.zip"
    with pytest.raises(KitError, match="sends more than the 1,000 bytes of a.zip"):
        download(url, target, size=1000, progress=False)
    assert not [path for path in target.parent.iterdir() if path.suffix != ".lock"] and len(server.asked) == 1
