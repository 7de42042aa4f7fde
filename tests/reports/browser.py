"""A page in headless Chromium, where that is installed: what it shows once loaded, and what its console says; a page
of a server, driven by clicks, slides and uploads."""

import base64
import fcntl
import itertools
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
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


class Browser:
    """Chromium, told what to do through a pipe in its own language (DevTools), with one page, and every request of it.

    flags: more of the command line. Close it.
    """

    def __init__(self, profile: Path, *flags: str, width: int = 1280, height: int = 900):
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for pair in (os.pipe(), os.pipe()) for end in pair]
        read, self._out, self._in, write = ends  # Chromium reads from its descriptor 3 and writes to 4
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                   "--disable-background-networking", "--hide-scrollbars", "--remote-debugging-pipe",
                   f"--user-data-dir={profile}", *flags, "about:blank"]
        self._process = subprocess.Popen(command, pass_fds=(3, 4), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         preexec_fn=lambda: (os.dup2(read, 3), os.dup2(write, 4)))
        for end in (read, write):
            os.close(end)
        self._rest, self._numbers, self._session = b"", itertools.count(1), None
        self.requests: list[str] = []  # addresses
        self.errors: list[str] = []  # exceptions of its scripts
        page = next(t for t in self.tell("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.tell("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for part in ("Page", "Network", "Runtime"):
            self.tell(f"{part}.enable")
        self.size(width, height)

    def tell(self, method: str, **parameters) -> dict:
        """A command, and its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        os.write(self._out, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode()
                 + b"\0")
        while True:
            found = self._next()
            if found.get("id") == number:
                assert "error" not in found, f"{method}: {found['error']}"
                return found["result"]

    def _next(self, seconds: float = 60) -> dict:
        """A message of the browser; requests and errors are noted."""
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], seconds)[0], "Chromium says nothing"
            part = os.read(self._in, 1 << 20)
            assert part, "Chromium has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(text)
        if found.get("method") == "Network.requestWillBeSent":
            self.requests.append(found["params"]["request"]["url"])
        if found.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(found["params"]["exceptionDetails"])[:500])
        return found

    def size(self, width: int, height: int = 900) -> None:
        """Of the window, as of a telephone's where it is narrow."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, address: str) -> None:
        """Go to a page."""
        self.tell("Page.navigate", url=address)

    def value(self, script: str):
        """What an expression gives, waited for where it is a promise."""
        found = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 20):
        """The first value of an expression that counts as true."""
        end = time.monotonic() + seconds
        while not (found := self.value(script)):
            assert time.monotonic() < end, f"{script} never came: {self.value('document.body.innerText')[:2000]}"
            time.sleep(0.05)
        return found

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """(left, top, width, height) of an element, which is brought into sight."""
        query = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"!!{query}")
        self.value(f"{query}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        return tuple(self.value(f"(r => [r.left, r.top, r.width, r.height])({query}.getBoundingClientRect())"))

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of an element."""
        left, top, width, height = self.place(selector)
        self._mouse("mouseMoved", left + width / 2, top + height / 2)
        self._mouse("mousePressed", left + width / 2, top + height / 2, held=True)
        self._mouse("mouseReleased", left + width / 2, top + height / 2)

    def slide(self, handle: str, track: str, share: float) -> None:
        """Drag a handle to a share of the way from the left of its track to the right."""
        left, _, width, _ = self.place(track)
        x, top, broad, height = self.place(handle)
        start, end, y = x + broad / 2, left + share * width, top + height / 2
        self._mouse("mousePressed", start, y, held=True)
        for step in range(1, 6):
            self._mouse("mouseMoved", start + (end - start) * step / 5, y, held=True)
        self._mouse("mouseReleased", end, y)

    def _mouse(self, what: str, x: float, y: float, held: bool = False) -> None:
        button = {"buttons": 1} if held else {}
        self.tell("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1, **button)

    def upload(self, selector: str, file: Path) -> None:
        """Choose a file in an <input type=file>."""
        query = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"!!{query}")
        node = self.tell("Runtime.evaluate", expression=query)["result"]["objectId"]
        self.tell("DOM.setFileInputFiles", files=[str(file)], objectId=node)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return self.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def picture(self, file: Path) -> Path:
        """The whole page as a PNG."""
        found = self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))
        return file

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
