"""Hooks of MkDocs: what pages link to outside of `docs/` comes along, and links into the repository lead to it.

A page's links are those of the repository, so that they work wherever its files are shown. In the site `docs/` is the
root: `../CONTRIBUTING.md` and `../scenarios/kill-master.yaml` of a page become `CONTRIBUTING.md` and
`scenarios/kill-master.yaml`, and `docs/design.md` in CONTRIBUTING.md becomes `design.md`.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ALSO = ("CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that lie outside of `docs/`, as they have to where they are looked for."""

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the files outside of `docs/` that a page links to."""
    wanted = {*ALSO}
    for page in files.documentation_pages():
        wanted |= {target for link, _ in _LINK.findall(page.content_string) if _outside(target := _target(page, link))}
    for path in sorted(wanted):
        if (ROOT / path).is_file():
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Make the repository's links those of the site."""

    def moved(found: re.Match[str]) -> str:
        target = _target(page.file, found[1])
        inside = target if _outside(target) else relpath(target, "docs")
        return f"]({relpath(inside, dirname(page.file.src_uri) or '.')}{found[2]})"

    return _LINK.sub(moved, markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Give the search's dialog a name, which the theme does not."""
    dialog = 'data-md-component="search" role="dialog"'
    return output.replace(dialog, f'{dialog} aria-label="Search"')


def _target(file: File, link: str) -> str:
    """The path in the repository that a link in a page leads to."""
    page = file.src_uri if file.src_uri in ALSO else f"docs/{file.src_uri}"
    return normpath(join(dirname(page), link))


def _outside(path: str) -> bool:
    return not path.startswith("docs/")
