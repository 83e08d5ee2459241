"""`make reference`: write the pages of the reference that follow from the code."""

from __future__ import annotations

from docs.generators.pages import FOLDER, pages

for name, text in pages().items():
    (FOLDER / name).write_text(text, "utf-8")
