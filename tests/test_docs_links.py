"""Links between pages lead to a heading that is there; links elsewhere have the form of an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks" / "results").glob("*.md")),
]

_FENCE = re.compile(r"^(```+).*?^\1[ ]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def _links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", _FENCE.sub("", page.read_text("utf-8"))))


def _anchors(page: Path) -> Iterator[str]:
    """The names of a page's headings, as GitHub and the site make them."""
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text("utf-8"))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        seen[anchor] = seen.get(anchor, -1) + 1
        yield anchor if not seen[anchor] else f"{anchor}-{seen[anchor]}"


@pages
def test_a_link_to_a_page_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    broken = []
    for link in (each for each in _links(page) if "://" not in each and not each.startswith("mailto:")):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in {*_anchors(target)}):
            broken.append(link)
    assert broken == []


@pages
def test_a_link_elsewhere_is_an_address(page: Path) -> None:
    """They are not asked: the machines that build this may not reach them."""
    links = [urlsplit(link) for link in _links(page) if "://" in link]
    assert [link for link in links if link.scheme != "https" or "." not in link.netloc] == []


def test_a_heading_has_the_anchor_that_github_gives_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# What `put` does, and why\n\n```text\n# no heading\n```\n\n## Twice\n\n## Twice\n")
    assert [*_anchors(page)] == ["what-put-does-and-why", "twice", "twice-1"]
