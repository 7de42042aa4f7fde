"""A page in headless Chromium, where that is installed: what it shows once loaded, and what its console says."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """<script>
const errors = []; window.addEventListener("error", event => errors.push(event.message));
window.addEventListener("load", () => {
  const luminance = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(part => { const v = part / 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const contrasts = [...document.querySelectorAll("p, th, td, a, dt, h1, h2, h3")].map(element => {
    const ink = luminance(getComputedStyle(element).color);
    return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05); });
  const found = {images: document.images.length,
    broken: [...document.images].filter(i => !i.naturalWidth).map(i => i.alt),
    errors, owned: String(window.owned), scripts: document.scripts.length,
    handlers: [...document.querySelectorAll("*")].filter(
      e => [...e.attributes].some(a => a.name.startsWith("on"))).length, contrast: Math.min(...contrasts), ground,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth};
  document.body.innerHTML = ""; document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
});
</script>"""


def look(page: Path, *, dark: bool = False, width: int = 1200, probe: bool = True) -> tuple[dict, str]:
    """(what a probe script finds in a copy of the page that allows this one script, what the console of it says)."""
    text = page.read_text(encoding="utf-8")
    if probe:
        allowed = text.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; script-src 'unsafe-inline'", 1)
        assert allowed != text
        text = allowed.replace("</head>", PROBE + "</head>", 1).replace(' loading="lazy"', "")  # all before "load"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(text, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--disable-background-networking",
                   f"--user-data-dir={folder}/profile", f"--window-size={width},900", "--enable-logging=stderr",
                   "--v=0",
                   f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", copy.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    found = re.search(r"FOUND(\{.*\})END", done.stdout, re.S)
    assert done.returncode == 0 and (found or not probe), done.stderr[-2000:]
    return json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;",
                                                                                       "&")) if probe else {}, console
