"""The look inside a flow as one HTML file: the page's own component, frames included, offline."""

from __future__ import annotations

import base64
import importlib.resources
from html import escape

from flowplay.ui.components.inside_view import HTML
from flowplay.ui.components.registration import lean

# With this policy the browser itself makes sure that the page loads nothing.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{
  --st-text-color: #1b2430;
  --st-background-color: #ffffff;
  --st-secondary-background-color: #f3f5f9;
  --st-primary-color: #c8500a;
  --st-font: system-ui, sans-serif;
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --st-text-color: #e6ebf2;
    --st-background-color: #0e131b;
    --st-secondary-background-color: #18202c;
    --st-primary-color: #ff9d4d;
  }}
}}
body {{
  max-width: 44rem;
  margin: 0 auto;
  padding: 1rem;
  background: var(--st-background-color);
  color: var(--st-text-color);
  font: 1rem/1.5 var(--st-font);
}}
h1 {{ font-size: 1.4rem; }}
{css}
</style>
</head>
<body>
<h1>{title}</h1>
{html}
<script type="module">
{js}
const view = new InsideView(document.querySelector("figure"));
view.show(bytes("{frames}"));
view.find(".plot").removeAttribute("title");
view.go(0);
view.play();
</script>
</body>
</html>
"""


def standalone_html(frames: bytes, title: str) -> str:
    """Write the frames of a flow as one HTML page that loads nothing and plays by itself.

    Args:
        frames: bytes of `flowplay.wire.LayerFrames`.
        title: the page's heading.
    """
    script = lean(_asset("shared.js") + _asset("inside_view.js"))
    return _PAGE.format(
        title=escape(title),
        css=lean(_asset("shared.css") + _asset("inside_view.css")),
        html=HTML,
        js=script,
        frames=base64.b64encode(frames).decode("ascii"),
    )


def _asset(name: str) -> str:
    folder = importlib.resources.files("flowplay.ui.components")
    return folder.joinpath(name).read_text("utf-8")
