"""Follow me: one run's pictures, made once and sent to everyone who has opened its live link.

A follower is a plain page with one stream of events. It has no session, holds no lease and trains
nothing.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from flowplay.codes import encode_density
from flowplay.config import RunConfig
from flowplay.figures import describe_density
from flowplay.grids import density_scale, exact_density
from flowplay.limits import limits
from flowplay.numbers import fixed, whole
from flowplay.store import StoreError, is_id
from flowplay.ui.components.density_view import HTML as DENSITY_HTML
from flowplay.ui.components.density_view import density_frame
from flowplay.ui.components.loss_view import HTML as LOSS_HTML
from flowplay.ui.components.loss_view import loss_frame
from flowplay.ui.components.registration import lean
from flowplay.ui.joining import classes
from flowplay.ui.keeping import keeper
from flowplay.ui.picture_views import NOTES, PROBLEM_CELLS, density_note
from flowplay.wire import DensityPicture, SamplesPicture, Snapshot

#: Seconds between two looks at the run, and at which run it is.
LOOK_SECONDS: Final = 0.25
RESOLVE_SECONDS: Final = 1.0

#: A stream that has nothing new says so this often, so that nothing between closes it.
PULSE_SECONDS: Final = 15.0

ENDED: Final = "This live link has ended."
EMPTY: Final = "The run appears here as soon as its training begins."

logger = logging.getLogger(__name__)


@dataclass
class _Channel:
    """A live link that somebody follows on this server.

    Attributes:
        target: what the run learns, in the form of an event.
        news: the last message, in the form of an event.
        number: rises with every message.
        changed: wakes the followers.
        followers: how many there are.
    """

    target: bytes = b""
    news: bytes = b""
    number: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    followers: int = 0
    task: asyncio.Task[None] | None = None


class Broadcast:
    """The live links that are followed on this server; all of it runs in the server's loop."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    @property
    def followers(self) -> int:
        """How many streams are open."""
        return sum(channel.followers for channel in self._channels.values())

    async def stream(self, id_: str) -> AsyncIterator[bytes]:
        """Yield the events of a live link: the last one at once, then each that follows."""
        channel = self._channels.get(id_)
        if channel is None:
            channel = self._channels[id_] = _Channel()
            channel.task = asyncio.create_task(self._work(id_, channel))
        channel.followers += 1
        seen, target = 0, b""
        try:
            yield b"retry: 2000\n\n"
            while True:
                if channel.number == seen:
                    changed = channel.changed
                    try:
                        async with asyncio.timeout(PULSE_SECONDS):
                            await changed.wait()
                    except TimeoutError:
                        yield b": nothing new\n\n"
                        continue
                # Who is slow gets the newest, not all.
                seen = channel.number
                if channel.target != target:
                    target = channel.target
                    yield target
                yield channel.news
        finally:
            channel.followers -= 1
            if not channel.followers:
                self._channels.pop(id_, None)
                if channel.task is not None:
                    channel.task.cancel()

    async def _work(self, id_: str, channel: _Channel) -> None:
        """Look at the run and tell the followers, as long as there are some."""
        source = _Source(id_)
        while True:
            try:
                message = await asyncio.to_thread(source.look)
            except Exception:
                logger.exception("A live link could not be read")
                message = None
            if message is not None:
                channel.target = b"data: " + source.target + b"\n\n"
                channel.news = b"data: " + message + b"\n\n"
                channel.number += 1
                before, channel.changed = channel.changed, asyncio.Event()
                before.set()
            await asyncio.sleep(LOOK_SECONDS)


class _Source:
    """What a live link shows, as messages; each is made once."""

    def __init__(self, id_: str) -> None:
        self._id = id_
        self._followed: tuple[str, str] | None = None
        self._resolved_at = float("-inf")
        self._told: object = None
        #: What the run learns, as a message.
        self.target = b"{}"
        self._config: RunConfig | None = None

    def look(self) -> bytes | None:
        """Return the next message, None if nothing has changed."""
        now = time.monotonic()
        try:
            if now - self._resolved_at >= RESOLVE_SECONDS:
                self._resolved_at = now
                self._followed = classes().followed(self._id)
            if self._followed is None:
                return self._sentence(ENDED)
            owner, run_id = self._followed
            kept = keeper()
            if kept is None or not run_id:
                return self._sentence(EMPTY)
            run = kept.live(run_id, owner)
            if run is not None:
                view = run.view()
                config, snapshot = run.config, view.snapshot
                phase = str(view.phase.value)
            elif self._resolved_at != now:
                return None  # Another server trains it: the database is asked once a second.
            else:
                stored = kept.runs.picture(run_id)
                if stored is None:
                    return self._sentence(EMPTY)
                config, snapshot = stored.config, stored.snapshot
                phase = "training" if stored.training else "resting"
        except StoreError as error:
            return self._sentence(str(error))
        if snapshot is None:
            return self._sentence(EMPTY)
        told = (run_id, phase, hash(snapshot))
        if told == self._told:
            return None
        self._told = told
        if config != self._config:
            self._config = config
            self.target = json.dumps({"target": _target(config)}).encode()
        return _message(run_id, config, Snapshot.from_bytes(snapshot), phase)

    def _sentence(self, sentence: str) -> bytes | None:
        if self._told == sentence:
            return None
        self._told, self._config = sentence, None
        return json.dumps({"sentence": sentence}).encode()


def _message(run_id: str, config: RunConfig, snapshot: Snapshot, phase: str) -> bytes:
    header, problem = snapshot.header, config.problem()
    message: dict[str, Any] = {
        "title": f"{problem.label}, learned by {config.entry.label}",
        "line": f"{phase.capitalize()} · step {whole(header.step)} · {fixed(header.seconds, 1)} s",
        "density": None,
        "loss": None,
    }
    floor = None if config.entry.likelihood == "none" else problem.floor
    held_out = snapshot.measurements.get("held_out")
    if held_out is not None:
        message["line"] += f" · {held_out.label} {fixed(held_out.value)}"
        if floor is not None:
            message["line"] += f" · gap {fixed(held_out.value - floor.value)}"
    density = snapshot.picture(DensityPicture)
    samples = snapshot.picture(SamplesPicture)
    frame = f"{run_id[:6]}-{header.step}"
    if density is not None:
        message["density"] = density_frame(
            density.code,
            bounds=density.window,
            scale=density.scale,
            alt=f"The model at step {whole(header.step)}, on the target's colour scale.",
            note=NOTES[density.exactness],
            frame_id=f"{frame}-{len(density.code)}",
        )
    elif samples is not None and samples.window is not None:
        message["density"] = density_frame(
            None,
            bounds=samples.window,
            alt=f"Samples of the model at step {whole(header.step)}.",
            points=samples.points,
            note="Samples; this model gives no density",
            frame_id=frame,
        )
    told = ", ".join(f"{m.label} {fixed(m.value)}" for m in snapshot.measurements.values())
    message["loss"] = loss_frame(
        snapshot.curves,
        entropy=None if floor is None else floor.value,
        floor="" if floor is None else floor.label,
        alt=f"Loss against optimizer step. At step {whole(header.step)}: {told}.",
        height=320,
    )
    return json.dumps(message).encode()


def _target(config: RunConfig) -> dict[str, Any] | None:
    problem = config.problem()
    exact = exact_density(problem, PROBLEM_CELLS)
    if problem.window is None or exact is None:
        return None
    scale = density_scale(problem)
    return density_frame(
        encode_density(exact, scale),
        bounds=problem.window,
        scale=scale,
        alt=describe_density(f"the target, {problem.label},", exact, problem.window),
        note=density_note(problem),
    )


BROADCAST: Final = Broadcast()
"""Of this server."""


def is_full() -> bool:
    """Tell whether as many follow as may."""
    return BROADCAST.followers >= limits().max_followers


def known(id_: str) -> bool:
    """Tell whether there is such a live link.

    Raises:
        StoreError: if the store does not answer.
    """
    return is_id(id_) and classes().followed(id_) is not None


def live_page(stream: str, icon: str) -> str:
    """Return the page of a follower.

    Args:
        stream: address of the events.
        icon: address of the icon.
    """
    return _PAGE.format(
        stream=json.dumps(stream).replace("<", "\\u003c"),
        icon=escape(icon),
        target=_shadow("target", "density_view", DENSITY_HTML),
        density=_shadow("density", "density_view", DENSITY_HTML),
        loss=_shadow("loss", "loss_view", LOSS_HTML),
        density_script=_script("density_view", "DensityView", ("target", "density")),
        loss_script=_script("loss_view", "LossView", ("loss",)),
    )


def _shadow(name: str, component: str, html: str) -> str:
    css = lean(_asset("shared.css") + _asset(f"{component}.css"))
    return (
        f'<div class="view" id="{name}"><template shadowrootmode="open"><style>{css}</style>'
        f"{html}</template></div>"
    )


def _script(component: str, view: str, names: tuple[str, ...]) -> str:
    source = lean(_asset("shared.js") + _asset(f"{component}.js")).replace("export default ", "")
    shown = "".join(
        # Made with the first picture: before, there is nothing that it could draw.
        f"{{ let view; addEventListener({json.dumps(name)}, ({{ detail }}) => {{\n"
        f"view ??= new {view}(document.getElementById({json.dumps(name)}).shadowRoot"
        '.querySelector("figure"));\nview.show(detail); }); }\n'
        for name in names
    )
    return f'<script type="module">\n{source}\n{shown}</script>'


def _asset(name: str) -> str:
    folder = importlib.resources.files("flowplay.ui.components")
    return folder.joinpath(name).read_text("utf-8")


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="{icon}">
<title>Live: flowplay</title>
<style>
:root {{
  --st-text-color: #1b2430; --st-background-color: #ffffff;
  --st-secondary-background-color: #f3f5f9; --st-primary-color: #c8500a;
  --st-font: system-ui, sans-serif;
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --st-text-color: #e6ebf2; --st-background-color: #0e131b;
    --st-secondary-background-color: #18202c; --st-primary-color: #ff9d4d;
  }}
}}
body {{
  margin: 0 auto; padding: 0.75rem 1rem; max-width: 84rem;
  background: var(--st-background-color); color: var(--st-text-color);
  font: 1rem/1.5 var(--st-font); font-variant-numeric: tabular-nums;
}}
h1 {{ margin: 0; font-size: 1.35rem; }}
h2 {{ margin: 0 0 0.5rem; font-size: 1rem; font-weight: 600; }}
p {{ margin: 0.25rem 0 1rem; }}
.views {{ display: grid; gap: 1.5rem; grid-template-columns: repeat(3, minmax(0, 1fr)); }}
.live {{ color: var(--st-primary-color); font-size: 0.875rem; font-weight: 600; }}
.lost .live {{ opacity: 0.5; }}
[hidden] {{ display: none !important; }}
@media (max-width: 700px) {{
  .views {{ grid-template-columns: minmax(0, 1fr); gap: 1rem; }}
  .views section:has(#density) {{ order: -1; }}
}}
</style>
</head>
<body>
<span class="live" id="state">● Live</span>
<h1 id="title">flowplay</h1>
<p id="line">Connecting…</p>
<div class="views" id="views" hidden>
<section><h2>Target: what is to be learned</h2>{target}</section>
<section><h2>Model: what it has learned so far</h2>{density}</section>
<section><h2>Loss</h2>{loss}</section>
</div>
{density_script}
{loss_script}
<script type="module">
const find = (id) => document.getElementById(id);
const tell = (name, detail) => dispatchEvent(new CustomEvent(name, {{ detail }}));
let source;
function follow() {{
  source?.close();
  source = new EventSource({stream});
  source.onopen = () => document.body.classList.remove("lost");
  source.onerror = () => {{
    document.body.classList.add("lost");
    find("state").textContent = "● Connecting again…";
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  }};
  source.onmessage = ({{ data }}) => {{
    find("state").textContent = "● Live";
    const news = JSON.parse(data);
    if (news.sentence) {{
      find("line").textContent = news.sentence;
      return;
    }}
    if (news.title) {{
      find("views").hidden = false;
      find("title").textContent = news.title;
      find("line").textContent = news.line;
    }}
    for (const name of ["target", "density", "loss"]) {{
      if (!(name in news)) continue;
      find(name).parentElement.hidden = !news[name];
      if (news[name]) tell(name, news[name]);
    }}
  }};
}}
follow();
</script>
</body>
</html>
"""
