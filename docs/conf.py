"""The documentation as a site: `make docs` makes it of the pages that GitHub shows as they are.

Sphinx reads from the top of the repository, so that a link between two files holds in both places.
"""

from __future__ import annotations

import importlib.util
import re
import types
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from heredity import __version__

ROOT = Path(__file__).resolve().parent.parent

project = "Heredity"
author = "The Heredity authors"
copyright = "The Heredity authors, Apache-2.0"  # noqa: A001  # Sphinx's name
release = version = __version__

extensions = [
    "myst_parser",  # pages are Markdown
    "sphinx.ext.autodoc",  # the reference is made of docstrings
    "sphinx.ext.napoleon",  # docstrings are in Google's form
    "sphinx_copybutton",  # a button that copies a block
]
root_doc = "docs/index"
include_patterns = [
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/*.md", "docs/**/*.md", "benchmarks/results/*.md"),
]
# Only so that these large folders are not walked through.
exclude_patterns = [".*", "build", "dist", "examples", "runs", "src", "tests"]
templates_path = ["_templates"]

# Warnings are errors. A lexer that does not know a listing is no fault of the page.
nitpicky = False
# Of two classes of one name either may be linked.
suppress_warnings = ["misc.highlighting_failure", "ref.python"]

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto"]

# Tools that need not be installed where the site is built; nothing of them is shown.
_TOOLS = ("lightning", "keras", "syne_tune")
autodoc_mock_imports = ["ray", *(name for name in _TOOLS if importlib.util.find_spec(name) is None)]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"
add_module_names = False

html_theme = "furo"
html_title = f"Heredity {__version__}"
html_static_path = ["_static"]
html_css_files = ["heredity.css"]
html_additional_pages = {"index": "to-start.html"}
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = r"^\$ "
copybutton_prompt_is_regexp = True
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d5d4c", "color-brand-content": "#1d6f5a"},
    "dark_css_variables": {"color-brand-primary": "#7fd1b4", "color-brand-content": "#8bd8bd"},
}

# Pages elsewhere are not asked; a test looks at the form of their addresses.
linkcheck_ignore = [r"https?://.*"]


def _directories_are_no_pages(app: Sphinx, doctree: nodes.document) -> None:
    """A link to a folder leads somewhere on GitHub; on the site its text stands alone."""
    page = ROOT / str(app.env.doc2path(app.env.docname, base=False))
    for link in list(doctree.findall(addnodes.pending_xref)):
        target = unquote(str(link.get("reftarget", "")))
        if target and "://" not in target and (page.parent / target).is_dir():
            link.replace_self(link.children)


def _docstring(
    app: Sphinx,  # noqa: ARG001  # the signature of Sphinx's event
    what: str,  # noqa: ARG001
    name: str,  # noqa: ARG001
    obj: object,
    options: object,  # noqa: ARG001
    lines: list[str],
) -> None:
    """In a docstring `|a - b|` is a number; what torch says of its own is for torch's site."""
    if isinstance(obj, types.BuiltinFunctionType):
        lines.clear()
    for number, line in enumerate(lines):
        parts = re.split(r"(`+[^`]*`+)", line)
        lines[number] = "".join(part if part.startswith("`") else part.replace("|", "\\|") for part in parts)


def _fields_have_no_types(
    app: Sphinx,  # noqa: ARG001  # the signature of Sphinx's event
    what: str,
    name: str,  # noqa: ARG001
    obj: object,  # noqa: ARG001
    options: object,  # noqa: ARG001
    lines: list[str],
) -> None:
    """What stands before a field's first colon is a part of its sentence; napoleon takes it for a type."""
    if what in {"attribute", "property"}:
        lines[:0] = ["..", ""]  # an empty comment, which has no colon


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", _directories_are_no_pages)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-docstring", _fields_have_no_types, priority=400)  # before napoleon
