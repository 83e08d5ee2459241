"""One HTML text out of the page's parts, with facts in it or without; it asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib.resources import files

from heredity.encoding import Json

# In this order: each uses names of those before it.
_SCRIPTS = (
    *("model.js", "look.js", "chart.js", "lineage.js", "curves.js", "cost.js", "grid.js", "trials.js"),
    *("storage.js", "cells.js", "detail.js", "main.js"),
)


def page_html(title: str, *, embedded: Json, details: Json = None) -> str:
    """The whole page.

    Its policy lets no other script run than the page's own, known by its hash, and lets nothing be loaded:
    whatever a name or a log holds stays text.

    Args:
        title: What the browser shows as its name.
        embedded: The facts, for a page that stands alone; None for one that asks a server.
        details: What is known of each trial besides, parsed when it is looked at.
    """
    parts = {
        "title": html.escape(title),
        "style": _part("style.css"),
        "script": _script(),
        "policy": html.escape(policy(is_live=embedded is None), quote=True),
        "embedded": script_json(embedded),
        "details": script_json(details),
    }
    # In one pass, so that no part is looked for places of others.
    pieces = _part("page.html").split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [parts[name], rest]
    return "".join(filled)


def policy(*, is_live: bool) -> str:
    """What the page may load: nothing but, if it is live, facts of the server that it came from."""
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    source = "'self'" if is_live else "'none'"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        f"connect-src {source}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def script_json(value: Json) -> str:
    """JSON that may stand inside a script element: it can neither end it nor begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _script() -> str:
    return "\n".join(_part(name) for name in _SCRIPTS)


@cache
def _part(name: str) -> str:
    return (files("heredity.dashboard.page") / name).read_text("utf-8")
