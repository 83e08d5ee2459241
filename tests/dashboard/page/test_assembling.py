"""The page as text: it holds facts safely, and asks nothing of the network."""

from __future__ import annotations

import json
import re

from heredity.dashboard.page.assembling import page_html, policy, script_json


def test_facts_cannot_end_the_element_that_holds_them() -> None:
    nasty = {"</script><script>alert(1)</script>": "<!-- & -->"}
    text = script_json(nasty)
    assert not set("<>&") & set(text)
    assert json.loads(text) == nasty


def test_a_title_is_text() -> None:
    assert "<title>&lt;b&gt; {{style}}</title>" in page_html("<b> {{style}}", embedded=None)


def test_the_page_names_no_other_place() -> None:
    """But for the namespace of SVG, which is a name and is never asked."""
    page = page_html("x", embedded={"a": 1}).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|src=|@import|url\(", page)


def test_only_the_page_s_own_script_may_run_and_nothing_may_be_loaded() -> None:
    assert "default-src 'none'; script-src 'sha256-" in policy(is_live=True)
    assert "connect-src 'self'" in policy(is_live=True)
    assert "connect-src 'none'" in policy(is_live=False)


def test_no_text_is_taken_for_markup() -> None:
    """What is shown goes in by textContent and append; nothing in the script parses HTML."""
    script = page_html("x", embedded=None)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script
    )
