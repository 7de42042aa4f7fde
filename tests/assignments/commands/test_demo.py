"""`demo`: the page in a real browser, by clicks, slides and uploads; what it refuses, what it keeps, whom it tells."""

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assignments.__main__ import _parser, main
from assignments.common.export import BEST
from assignments.common.works import work_of
from assignments.demo import answers
from assignments.demo.choices import choices, named_runs
from data_tools.drawing import monkey_sample
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.trainer.checkpoint import network_arrays, save_checkpoint
from paddle_models.trainer.settings import from_dict
from reports.figures.words import Words
from tests.reports.browser import CHROMIUM, Browser

T = Words(PROJECT_ROOT / "assignments" / "demo" / "words.yaml", "page", "en")
has_gradio = pytest.mark.skipif(not importlib.util.find_spec("gradio"), reason="requirements-demo.txt")
in_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of works without weights in the kit, under a runs/ of their own."""
    base = tmp_path_factory.mktemp("demo-runs")
    for name, settings in (("glasses", {"image_size": 32, "filters": [4, 6], "neurons": [8]}),
                           ("monkey_species", {"image_size": 64, "model": "mobilenet_v2"})):
        write_run(base / name / "20260101-000000-smoke", name, settings)
    return base


def write_run(folder, name, settings):
    """A run as the page needs it, with the weights that a network begins with."""
    work = work_of(name)
    classes = [each.label for each in monkey_sample.SPECIES] if name == "monkey_species" else []
    folder.mkdir(parents=True)
    network = work.network(from_dict(work.settings, settings, "here"), classes)
    save_checkpoint(folder / BEST, {"networks/model": network_arrays(network)}, {})
    (folder / "config.yaml").write_text(json.dumps({"assignment": name, "preset": "smoke", "settings": settings}))
    (folder / "result.json").write_text('{"origin": "subset"}')
    np.savez(folder / "predictions.npz", classes=np.array(classes))


@pytest.fixture(scope="module")
def address(runs):
    """The page, served from this process."""
    from assignments.demo.page import served

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_RUNS", str(runs))
        with served("en", port=free_port()) as found:
            yield found


@pytest.fixture(scope="module")
def browser(address, tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"), "--use-fake-device-for-media-stream",
                    "--use-fake-ui-for-media-stream")
    found.open(address)
    yield found
    found.close()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def go_to(browser, tab, width):
    browser.size(width)
    browser.wait("!!document.querySelector('#faces-ask')")
    name = json.dumps(Words(T.file, tab)("tab"))
    browser.wait("(() => { [...document.querySelectorAll('[role=tab]')].findLast(e => e.textContent.trim() == "
                 f"{name})?.click(); return !!document.querySelector('#{tab}-ask')?.offsetParent; }})()")


def clear(browser, tab):
    browser.value(f"document.querySelector('#{tab}-picture [aria-label=\"Remove Image\"]')?.click()")
    browser.wait(f"!document.querySelector('#{tab}-picture img:not(.hide)')")


def give(browser, tab, file):
    """Upload a file and wait until it is there."""
    clear(browser, tab)
    before = len(browser.requests)
    browser.upload(f"#{tab}-picture input[type=file]", file)
    browser.wait(f"!!document.querySelector('#{tab}-picture img:not(.hide)')")
    assert any("/upload" in address for address in browser.requests[before:])


def take_drawn(browser, tab):
    clear(browser, tab)
    browser.click(f"#{tab}-drawn")
    browser.wait(f"!!document.querySelector('#{tab}-picture img:not(.hide)')")


def ask(browser, tab):
    """What is said after a click."""
    said = f"document.querySelector('#{tab}-said')"
    busy = f"{said}.querySelector('[data-testid=status-tracker]:not(.hide)')"
    browser.click(f"#{tab}-ask")
    browser.wait(f"!!{busy}", 5)
    browser.wait(f"!{busy}")
    return browser.value(f"{said}.querySelector('.html-container').innerText")


@has_gradio
@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_faces_are_numbered_with_a_list_region_by_region(browser, width):
    go_to(browser, "faces", width)
    take_drawn(browser, "faces")
    said = ask(browser, "faces")
    assert re.match(r"0\s", said) and "Lips and chin" in said and "Mouth slightly open" in said
    assert "divided by 0.615" in said and "no facts about a person" in said
    assert browser.value("document.querySelectorAll('#faces-said details[open] .row').length") == 40
    assert browser.wait("document.querySelector('#faces-shown img')?.naturalWidth") == 3 * 178
    ends = browser.value("(() => { const [a, b] = ['said', 'shown'].map(n => document.querySelector(`#faces-${n}`)."
                         "getBoundingClientRect()); return [a.left - b.right, a.top - b.bottom]; })()")
    assert ends[0 if width > 1000 else 1] >= 0  # the list is beside the picture, else below
    assert browser.place(".gradio-container")[2] == width and browser.overflow() == 0  # whatever a tab holds


@has_gradio
@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_an_enlargement_is_compared_by_a_slide(browser, width, tmp_path):
    go_to(browser, "enlarge", width)
    Image.fromarray(answers.example("swift_srgan", width)[:30, :40]).save(tmp_path / "small.png")
    give(browser, "enlarge", tmp_path / "small.png")
    assert ask(browser, "enlarge") == "40x30 became 160x120 pixels."
    browser.wait("[...document.querySelectorAll('#enlarge-shown img')].map(i => i.naturalWidth).join() == '160,160'")
    for share in (0.25, 0.75):
        browser.slide("#enlarge-shown [data-testid=slider] .icon-wrap", "#enlarge-shown .content", share)
        hidden = browser.value("document.querySelector('#enlarge-shown img.fixed').style.clipPath")
        assert float(re.search(r"([\d.]+)%\)", hidden)[1]) == pytest.approx(100 * share, abs=8)
    assert browser.overflow() == 0


@has_gradio
@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_monkey_has_ten_probabilities_and_a_heat_map(browser, width):
    go_to(browser, "monkeys", width)
    take_drawn(browser, "monkeys")
    said = ask(browser, "monkeys")
    assert sum(map(int, re.findall(r"(\d+) %", said))) in range(95, 106) and "Grad-CAM" in said
    assert browser.wait("document.querySelector('#monkeys-shown img')?.naturalWidth") == answers.SIDE
    assert browser.overflow() == 0


@has_gradio
@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_glasses_are_judged_beside_the_uncertain_band(browser, width, tmp_path):
    go_to(browser, "glasses", width)
    Image.new("RGB", (64, 64), (width % 256, 120, 90)).save(tmp_path / "even.png")
    give(browser, "glasses", tmp_path / "even.png")
    browser.click("#glasses-where label:nth-of-type(1)")
    assert "No face was found, so the whole picture was judged." in ask(browser, "glasses")
    assert browser.value("document.querySelector('#glasses-said .unsure').style.cssText") == "left: 40%; width: 20%;"
    browser.click("#glasses-where label:nth-of-type(2)")
    assert "No face" not in ask(browser, "glasses") and browser.overflow() == 0


@has_gradio
@in_browser
def test_the_webcam_takes_a_picture(browser):
    go_to(browser, "faces", 1280)
    clear(browser, "faces")
    browser.click("#faces-picture [aria-label='Capture from camera']")
    browser.click("#faces-picture [title='grant webcam access'] button")
    browser.wait("document.querySelector('#faces-picture video')?.videoWidth")
    browser.click("#faces-picture [aria-label='capture photo']")
    browser.wait("document.querySelector('#faces-picture img:not(.hide)')?.naturalWidth")
    assert "No face was found" in ask(browser, "faces")  # a moving ball
    clear(browser, "faces")
    browser.click("#faces-picture [aria-label='Upload file']")


def lying_png():
    """A PNG of 40,000x40,000 pixels that holds none of them."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b""))


@has_gradio
@in_browser
def test_what_is_no_picture_or_too_large_gets_one_message_and_the_page_lives_on(browser, tmp_path):
    go_to(browser, "enlarge", 1280)
    Image.new("RGB", (1000, 501)).save(tmp_path / "large.png")
    Image.effect_noise((20, 20), 90).save(tmp_path / "<b>cut.png")
    content = (tmp_path / "<b>cut.png").read_bytes()
    files = {"text.png": (b"no picture at all", "text.png cannot be decoded"), "large.png": (None, "1000x501 pixels"),
             "lies.png": (lying_png(), "lies.png"), "<b>cut.png": (content[:60], "cut.png cannot be decoded")}
    for name, (written, expected) in files.items():
        if written:
            (tmp_path / name).write_bytes(written)
        clear(browser, "enlarge")
        browser.upload("#enlarge-picture input[type=file]", tmp_path / name)
        browser.wait("!!document.querySelector('#enlarge-picture img')")
        assert expected in ask(browser, "enlarge"), name
        assert browser.value("document.querySelectorAll('#enlarge-said .problem').length") == 1
    Image.new("RGB", (24, 20)).save(tmp_path / "good.png")
    give(browser, "enlarge", tmp_path / "good.png")
    assert ask(browser, "enlarge") == "24x20 became 96x80 pixels."
    for file in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("good.png"):
        file.unlink()  # as after ten minutes
    assert "good.png is not kept any more" in ask(browser, "enlarge")


@has_gradio
@in_browser
def test_a_file_that_is_too_large_is_refused_before_it_arrives(browser, tmp_path):
    go_to(browser, "faces", 1280)
    clear(browser, "faces")
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(21 * 2**20))
    browser.upload("#faces-picture input[type=file]", tmp_path / "huge.png")
    assert "20.0 Mb" in browser.wait("document.querySelector('[data-testid=toast-body]')?.innerText")


@has_gradio
@in_browser
def test_no_request_leaves_this_machine_and_no_script_fails(browser):
    browser.wait("!!document.querySelector('#faces-ask')")
    assert len(browser.requests) > 20 and not browser.errors
    assert {address.split("/")[2].split(":")[0] for address in browser.requests
            if not address.startswith(("data:", "blob:"))} == {"127.0.0.1"}


@has_gradio
def test_files_of_the_machine_are_not_served(address):
    with urllib.request.urlopen(address) as page:
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert b"fonts.googleapis" not in page.read()
    for path in (PROJECT_ROOT / "README.md", "/etc/passwd", PROJECT_ROOT / "assignments" / "demo" / "page.py"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


@has_gradio
@pytest.mark.parametrize("language, said, behind", [("en", "Drawn example", " (Ctrl-C ends it)"),
                                                    ("zh", "程序生成的示例", "（Ctrl-C 结束）")])
def test_the_command_listens_here_alone_and_leaves_nothing(tmp_path, language, said, behind):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "assignments", "demo", "--port", str(port), "--lang", language],
                               cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(tmp_path), "KIT_RUNS": str(tmp_path / "runs")})
    try:
        assert process.stdout.readline() == f"http://127.0.0.1:{port}/{behind}\n"
        config = urllib.request.urlopen(f"http://127.0.0.1:{port}/config").read().decode()
        assert said in json.dumps(json.loads(config), ensure_ascii=False)
        assert "run glasses --preset sample" in config  # no run yet: what makes one
        listening = [line.split()[1] for line in open("/proc/net/tcp") if line.split()[3] == "0A"]
        assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening
        assert list(tmp_path.glob("kit-demo-*"))
    finally:
        process.send_signal(signal.SIGTERM if language == "en" else signal.SIGINT)
    assert process.wait(20) == 0 and not list(tmp_path.glob("kit-demo-*"))


def test_what_cannot_be_is_said_in_a_line(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["demo"]) == 2 and "pip install -r requirements-demo.txt" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert main(["demo", "--port", "70000"]) == 2 and "1 to 65535" in capsys.readouterr().err


@has_gradio
def test_a_port_that_is_taken_is_said(capsys):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        assert main(["demo", "--port", str(one.getsockname()[1])]) == 2
    assert "give another --port" in capsys.readouterr().err


def test_both_documents_give_the_same_commands_which_are_understood():
    texts = [(PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("demo.md", "demo.zh.md")]
    lines, chinese = (re.search(r"```text\n(.*?)```", text, re.S)[1] for text in texts)
    assert lines == chinese and lines.splitlines()[0] == "pip install -r requirements-demo.txt"
    for line in lines.splitlines()[1:]:
        assert _parser().parse_args(line.split()[3:]).function.__name__ == "demo"


@has_gradio
def test_networks_are_listed_named_ones_first_then_the_kits_then_the_best(runs, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(runs))
    folder = runs / "glasses" / "20260101-000000-smoke"
    newer = shutil.copytree(folder, runs / "glasses" / "20260102-000000-sample")
    (newer / "result.json").write_text('{"origin": "drawn"}')
    broken = shutil.copytree(folder, runs / "glasses" / "20260103-000000-sample")
    (broken / "result.json").unlink()
    try:
        found = choices("glasses", named_runs([str(folder)])["glasses"], T)
        assert found == [("run 20260101-000000-smoke", str(folder)),
                         ("run 20260102-000000-sample (of drawings)", str(newer))]
        with pytest.raises(KitError, match="has no result.json: the run has not finished"):
            named_runs([str(broken)])
    finally:
        shutil.rmtree(newer)
        shutil.rmtree(broken)
    assert [value for _, value in choices("swift_srgan", [], T)] == ["blend", "pixel", "adversarial"]
    assert choices("face_attributes", [], T)[0][0] == "the kit's weights, s0_96"


@has_gradio
def test_a_picture_is_answered_as_predict_and_the_api_do(runs, monkeypatch):
    from assignments import api

    run = str(runs / "monkey_species" / "20260101-000000-smoke")
    picture = answers.example("monkey_species", 1)
    seen, heat = api.load("monkey_species", run).heat_map(picture)
    assert seen.shape[2] == 3 and seen.dtype == np.uint8 and 0 <= heat.min() <= heat.max() <= 1 and heat.ndim == 2
    shown, said = answers.species(picture, run, "zh")
    assert shown.shape == (answers.SIDE, answers.SIDE, 3) and said.count('class="row') == 10
