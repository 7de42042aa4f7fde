"""The worked example's page in a real browser: clicks, slides, and the numbers of by_hand to nine digits."""

import html
import json
import re
import subprocess

import numpy as np
import pytest

from assignments.backprop import worked
from assignments.backprop.by_hand.backprop import SIGMOID_SQUARED, Network
from assignments.backprop.by_hand.descent import RULES, Descent
from assignments.backprop.pages import write_example
from tests.reports.browser import CHROMIUM

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
HELP = """const click = id => document.getElementById(id).dispatchEvent(new MouseEvent("click", {bubbles: true}));
const put = (id, value, kind) => { const e = document.getElementById(id); e.value = value;
  e.dispatchEvent(new Event(kind || "input", {bubbles: true})); };
const steps = count => { for (let i = 0; i < count; i++) click("one"); };
window.addEventListener("error", event => { document.title = "ERROR " + event.message; });"""


def drive(folder, script, language="en", width=1280):
    """(state of the page after a script, its visible texts by id, what is wider than the window)."""
    page = write_example(folder / "page.html", language)
    text = page.read_text(encoding="utf-8")
    ending = ("document.body.dataset.overflow = document.documentElement.scrollWidth - "
              "document.documentElement.clientWidth;")
    page.write_text(text.replace("</body>", f"<script>{HELP}\n{script}\n{ending}</script></body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
               "--disable-background-networking", f"--user-data-dir={folder}/profile", f"--window-size={width},900",
               "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert "<title>ERROR" not in shown, shown[:500]
    state = json.loads(html.unescape(re.search(r'data-state="([^"]*)"', shown).group(1)))
    texts = {key: html.unescape(re.search(rf'id="{key}"[^>]*>([^<]*)<', shown).group(1))
             for key in ("chosen", "letters", "numbers", "update", "now", "run")}
    return state, texts, int(re.search(r'data-overflow="(-?\d+)"', shown).group(1))


def expected(rule, rate, steps, x=worked.INPUT, t=worked.TARGET):
    """By NumPy: the weights alone are changed, as in the slides."""
    network, descent = worked.start(), Descent(RULES[rule], lr=rate)
    for _ in range(steps):
        gradients = network.gradients(x, t)[1]
        chosen = [network.parameters[0], network.parameters[2]]
        descent.step(chosen, [gradients[0], gradients[2]])
        network = Network([chosen[0], network.parameters[1], chosen[1], network.parameters[3]], SIGMOID_SQUARED)
    loss, (dv, _, dw, _) = network.gradients(x, t)
    weights = network.parameters
    return worked.eight(weights[0], weights[2]), worked.eight(dv, dw), loss, network.predict(x)[0]


@pytest.mark.parametrize("rule, rate", [("SGD", 0.5), ("Momentum", 0.1), ("AdaGrad", 0.5), ("RMSProp", 0.01),
                                        ("Adam", 0.02)])
def test_every_rule_computes_as_numpy_to_nine_digits(tmp_path, rule, rate):
    state, texts, _ = drive(tmp_path, f'put("rule", "{rule}", "change"); put("rate", Math.log10({rate})); steps(30);')
    weights, gradients, loss, outputs = expected(rule, rate, 30)
    assert state["steps"] == 30 and texts["now"].startswith("step 30, E = ")
    for found, wanted in ((state["weights"], weights), (state["gradients"], gradients), (state["E"], loss),
                          (state["units"][2:], outputs)):
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_a_click_shows_the_chain_rule_of_a_weight_with_todays_numbers(tmp_path):
    state, texts, _ = drive(tmp_path, "")
    assert texts["chosen"] == "Chain rule of w5" and texts["numbers"].endswith("= 0.082167041")
    assert texts["update"] == "SGD: w5 0.400000000 → 0.358916480"  # the slides' number
    state, texts, _ = drive(tmp_path, 'steps(2); click("w1");')
    assert texts["chosen"] == "Chain rule of w1" and texts["letters"].count("δo") == 2
    factors, product = texts["numbers"][2:].split(" = ")
    assert float(product) == pytest.approx(state["gradients"][0], abs=1e-9)
    assert np.prod([float(part) for part in factors.split(" · ")]) == pytest.approx(float(product), rel=1e-5)


def test_sliders_change_inputs_and_targets_and_reset_brings_the_start_back(tmp_path):
    state, texts, _ = drive(tmp_path, 'put("i1", 0.6); put("t2", 0.3); steps(3);')
    weights, _, loss, _ = expected("SGD", 0.5, 3, np.array([[0.6, 0.1]]), np.array([[0.01, 0.3]]))
    np.testing.assert_allclose(state["weights"], weights, rtol=1e-9)
    assert state["E"] == pytest.approx(loss, rel=1e-9)
    state, texts, _ = drive(tmp_path, 'steps(3); click("run"); click("reset");')
    assert state["weights"] == worked.eight(worked.HIDDEN[0], worked.LAST[0]).tolist() and state["steps"] == 0
    assert texts["run"] == "▶ Run"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_needs_no_network_and_is_small(tmp_path, width):
    _, texts, overflow = drive(tmp_path, "steps(1);", "zh", width)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert overflow <= 0 and texts["chosen"] == "链式法则： w5"
    assert len(page.encode()) < 80_000 and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"__[A-Z]+__", page)
