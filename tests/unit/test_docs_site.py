"""The documentation: built without a warning, shown alike in site and repository, each link right, all offline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))
import generate

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
ALSO = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md")]
SHAPES = {"blockquote", "h1", "h2", "h3", "h4", "li", "ol", "pre", "table", "tr", "ul"}


def build(to: Path, *, config: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "mkdocs", "build", "--strict", "--config-file", config, "--site-dir", to]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "error"}
    return subprocess.run(command, cwd=to.parent, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Html(HTMLParser):
    """What a page asks a browser to load, and how many there are of each shape in its own text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.shapes: Counter[str] = Counter()
        self.menu: list[str] = []
        self._in_text = self._in_menu = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self._in_text |= tag == "article"
        self._in_menu |= tag == "nav" and "md-nav--primary" in given.get("class", "")
        if self._in_text and tag in SHAPES:
            self.shapes[tag] += 1
        if self._in_menu and tag == "a" and "md-nav__link" in given.get("class", ""):
            self.menu.append(given.get("href", ""))
        if tag != "a":
            self.loads += [given[key] for key in ("src", "href", "srcset", "data", "action") if given.get(key)]

    def handle_endtag(self, tag: str) -> None:
        self._in_text &= tag != "article"
        self._in_menu &= tag != "main"


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text()):
        yield token
        yield from token.children or ()


def shapes(page: Path) -> Counter[str]:
    """How many there are of each shape where the page is shown as GitHub does."""
    opened = [token for token in tokens(page) if token.nesting >= 0]
    tags = ["pre" if token.type in ("fence", "code_block") else token.tag for token in opened]
    return Counter(tag for tag in tags if tag in SHAPES)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The headings of a page as GitHub's anchors."""
    found: Counter[str] = Counter()
    inside = False
    for token in tokens(page):
        if token.type.startswith("heading_"):
            inside = token.nesting > 0
        elif inside and token.type == "inline":
            said = "".join(each.content for each in token.children or ())
            found[re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")] += 1
    return frozenset(found)


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere in the repository."""
    wrong = []
    for token in tokens(page):
        link = str(token.attrs.get("href" if token.type == "link_open" else "src", ""))
        parts = urlsplit(link)
        if not link or parts.scheme in ("http", "https"):
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        inside = target.is_relative_to(root) and target.exists() and not parts.scheme and not parts.netloc
        if not inside or (parts.fragment and parts.fragment not in anchors(target)):
            wrong.append(link)
    return wrong


def of(page: Path, site: Path) -> Html:
    """The site's page that was made of this one."""
    place = page.relative_to(ROOT / "docs" if page in PAGES else ROOT)
    return Html((site / place).with_suffix(".html").read_text())


@pytest.mark.parametrize("page", [ROOT / "README.md", *ALSO, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere_where_the_repository_is_shown(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](#here) [b](#there) [c](none.md) ![d](none.png) [e](https://example.org) [f](//x.org/y)\n"
    )
    assert broken(page, tmp_path) == ["#there", "none.md", "none.png", "//x.org/y"]


@pytest.mark.parametrize("page", [*ALSO, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_site_shows_each_page_as_the_repository_does(site: Path, page: Path) -> None:
    assert of(page, site).shapes == shapes(page)


def test_every_page_is_in_the_menu_once(site: Path) -> None:
    menu = [link for link in Html((site / "index.html").read_text()).menu if not link.startswith("#")]
    made = {str(page.relative_to(ROOT / "docs").with_suffix(".html")) for page in PAGES}
    assert Counter(menu) == Counter(made | {"CHANGELOG.html", "CONTRIBUTING.html"})


def test_the_site_asks_nobody_else_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert [load for load in Html(page.read_text()).loads if urlsplit(load).netloc] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']*", style.read_text()) == [], style


def made(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """A site of one page, built as ours is."""
    (folder / "docs").mkdir()
    (folder / "docs/index.md").write_text(text)
    (folder / "docs/repository_files.py").write_text((ROOT / "docs/repository_files.py").read_text())
    (folder / "mkdocs.yml").write_text((ROOT / "mkdocs.yml").read_text().split("nav:\n")[0])
    return build(folder / "site", config=folder / "mkdocs.yml")


def test_each_wrong_link_is_a_warning_and_fails_the_build(tmp_path: Path) -> None:
    links = ("none.md", "index.md#none", "../none.md", "/index.md")
    done = made(tmp_path, "# Here\n" + " ".join(f"[x]({link})" for link in links))
    assert done.returncode != 0
    assert done.stderr.count("WARNING") == len(links), done.stderr


def test_a_file_outside_of_docs_that_a_page_links_to_comes_along(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/x.yaml").write_text("name: x\n")
    done = made(tmp_path, "# Here\n[x](../scenarios/x.yaml)\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/scenarios/x.yaml").read_text() == "name: x\n"
    assert 'href="scenarios/x.yaml"' in (tmp_path / "site/index.html").read_text()


@pytest.mark.parametrize("name", generate.pages())
def test_the_reference_is_what_the_code_says_now(name: str) -> None:
    page = generate.FOLDER / name
    assert page.read_text() == generate.pages()[name], "make docs-reference writes it anew"


def test_nothing_else_is_in_the_reference() -> None:
    assert {page.name for page in generate.FOLDER.iterdir()} == {"index.md", *generate.pages()}
