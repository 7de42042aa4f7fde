"""The page and its server. Nothing is kept, nothing is loaded from elsewhere, nothing is told to anybody."""

import functools
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from assignments.common.works import work_names
from assignments.demo import answers, show
from assignments.demo.choices import choices
from data_tools.errors import KitError
from data_tools.language import said as told
from reports.figures.words import Words, words_beside

LARGEST_FILE = 20 * 2**20  # bytes of an uploaded picture
LOOK_AGAIN, KEPT = 60, 600  # seconds: how often pictures are looked for that are older than the second number, and go
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans CJK SC", "sans-serif"]  # those that people have
POLICY = ("default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
          "style-src 'self' 'unsafe-inline'")  # gradio's own page wants these
SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Tab:
    """work: whose network answers; words: its part of words.yaml. answer(picture, weights, language, *more): the
    picture to show and HTML. most: pixels that are taken. slides: two pictures to compare. faces: whether it is asked
    where the face is."""

    work: str
    words: str
    answer: Callable[..., tuple[Any, str]]
    most: int = answers.MOST_PIXELS
    slides: bool = False
    faces: bool = False


TABS = (Tab("face_attributes", "faces", answers.attributes),
        Tab("swift_srgan", "enlarge", answers.enlarged, answers.MOST_TO_ENLARGE, slides=True),
        Tab("monkey_species", "monkeys", answers.species),
        Tab("glasses", "glasses", answers.glasses, faces=True))


@contextmanager
def served(language: str, host: str = "127.0.0.1", port: int | None = None,
           named: Mapping[str, Sequence[Path]] | None = None) -> Iterator[str]:
    """The address of the page while the block lasts; what was uploaded is removed with its folder then.

    port: None takes the first free one from 7860 on. named: run folders by work, which are put first. KitError where
    the address cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="kit-demo-") as folder, _environment(GRADIO_TEMP_DIR=folder, **SILENT):
        page = make_page(language, named or {})
        try:
            _, address, _ = page.launch(
                server_name=host, server_port=port, share=False, prevent_thread_lock=True, quiet=True, ssr_mode=False,
                pwa=False, mcp_server=False, run_history=False, footer_links=[], enable_monitoring=False,
                max_file_size=LARGEST_FILE, theme=gr.themes.Default(font=FONTS, font_mono=["monospace"]),
                css=Path(__file__).with_name("page.css").read_text(encoding="utf-8"),
                app_kwargs={"middleware": [Middleware(NothingFromElsewhere)], "docs_url": None, "redoc_url": None})
        except OSError:
            raise KitError(f"the page cannot listen on {host}, port {port or '7860 to 7959'}: it is taken or not this "
                           "machine's; give another --port or --host") from None
        try:
            yield address
        finally:
            page.close(verbose=False)


class NothingFromElsewhere:
    """An ASGI app around another, whose pages are told to load nothing but from their own server."""

    def __init__(self, app: Callable):
        self._app = app

    async def __call__(self, scope: Any, receive: Callable, send: Callable) -> None:
        """One request."""
        async def sent(message: dict) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self._app(scope, receive, sent)


def make_page(language: str, named: Mapping[str, Sequence[Path]]) -> gr.Blocks:
    """The page, not yet served: a tab for each work that is there."""
    t, alone = words_beside(__file__, "page", language), ThreadPoolExecutor(1, "networks")
    with gr.Blocks(title=t("title"), analytics_enabled=False, delete_cache=(LOOK_AGAIN, KEPT),
                   fill_width=True) as page:
        gr.HTML(f"<h1>{t('title')}</h1>{show.note(t('kept', minutes=KEPT // 60))}", elem_classes="answer")
        with gr.Tabs():
            for tab in TABS:
                if tab.work in work_names():
                    with gr.Tab(words_beside(__file__, tab.words, language)("tab"), elem_id=f"tab-{tab.words}"):
                        _fill(tab, t, language, named.get(tab.work, ()), alone)
    return page


def _fill(tab: Tab, t: Words, language: str, named: Sequence[Path], alone: ThreadPoolExecutor) -> None:
    own, found = words_beside(__file__, tab.words, language), choices(tab.work, named, t)
    gr.HTML(show.note(own("about")), elem_classes="answer")
    if not found:
        gr.HTML(show.problem(t("no_network", work=tab.work)), elem_classes="answer")
        return
    with gr.Row():
        with gr.Column(scale=4, min_width=300):
            picture = gr.Image(label=t("picture"), sources=["upload", "webcam", "clipboard"], height=300,
                               format="png", elem_id=f"{tab.words}-picture", buttons=[])
            picture.preprocess = lambda upload: upload  # type: ignore[method-assign]  # decoded by the kit alone
            chosen = gr.Dropdown(found, value=found[0][1], label=t("network"), elem_id=f"{tab.words}-network")
            more = [gr.Radio([(own("found"), False), (own("whole"), True)], value=False,
                             label=own("where"), elem_id=f"{tab.words}-where")] if tab.faces else []
            with gr.Row():
                drawn = gr.Button(t("drawn"), size="md", min_width=130, elem_id=f"{tab.words}-drawn")
                ask = gr.Button(t("ask"), variant="primary", size="md", min_width=130,
                                elem_id=f"{tab.words}-ask")
        with gr.Column(scale=8 if tab.slides else 4, min_width=300):
            to_show = gr.ImageSlider if tab.slides else functools.partial(gr.Image, interactive=False)
            shown = to_show(label=own("shown"), format="png", buttons=[], elem_id=f"{tab.words}-shown")
            under = gr.HTML(elem_id=f"{tab.words}-said", elem_classes="answer") if tab.slides else None
        with gr.Column(scale=4, min_width=300, visible=not tab.slides):
            said = under or gr.HTML(elem_id=f"{tab.words}-said", elem_classes="answer")
    drawn.click(functools.partial(_example, tab.work), outputs=picture, api_visibility="private")
    ask.click(functools.partial(_answer, tab, t, language, alone), [picture, chosen, *more], [shown, said],
              api_visibility="private", concurrency_id="networks", concurrency_limit=1)


def _example(work: str) -> Any:
    return answers.example(work, random.randrange(1000))


def _answer(tab: Tab, t: Words, language: str, alone: ThreadPoolExecutor, upload: Any, weights: str,
            *more: bool) -> tuple[Any, str]:
    """What is shown and said; a KitError is said in its place."""
    try:
        if upload is None or not upload.path:
            raise KitError(t("no_picture"))
        picture = answers.read(Path(upload.path), Path(upload.orig_name or t("picture")).name, t, tab.most)
        return alone.submit(tab.answer, picture, weights, language, *more).result()
    except KitError as error:
        return None, show.problem(told(str(error)))


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Variables of the environment that gradio reads."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
