"""``python docs/check_links.py FOLDER``: find links of built pages that lead nowhere.

Within the pages each file and anchor that is named must be there. No page may have an e-mail link,
and none may load a script, a style or a picture from the network.
"""

import argparse
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src")}
_NO_FILE = {"canonical", "next", "prev", "index", "search", "author", "copyright"}


class _Page(HTMLParser):
    """The anchors of a page, and its links as (tag, address, whether the page loads it)."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note anchors and links of an element."""
        found = {name: value for name, value in attrs if value is not None}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        loads_nothing = tag == "link" and found.get("rel") in _NO_FILE
        for name in ("href", "src"):
            if name in found and not loads_nothing:
                self.links.append((found[name], (tag, name) in _LOADED))


@cache
def read(path: Path) -> _Page:
    """Return what is in a page."""
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def fault(path: Path, address: str, loaded: bool) -> str | None:
    """Return what is wrong with a link of a page, None if nothing is."""
    parts = urlsplit(address)
    if parts.scheme == "mailto":
        return "e-mail link"
    if parts.scheme in ("http", "https") or parts.netloc:
        return "loaded from the network" if loaded else None
    if parts.scheme:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in read(target).anchors:
        return "no such anchor"
    return None


def pages(folder: Path) -> list[Path]:
    """Return the pages in a folder, without the templates that a theme keeps beside its styles."""
    return [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]


def faults(folder: Path) -> list[str]:
    """Return a line for each link of the pages in a folder with which something is wrong."""
    found = []
    for path in pages(folder):
        for address, loaded in read(path).links:
            wrong = fault(path, address, loaded)
            if wrong:
                found.append(f"{path.relative_to(folder)}: {wrong}: {address}")
    return list(dict.fromkeys(found))


def main() -> None:
    """Run the check; the exit code is 1 if a link leads nowhere."""
    parser = argparse.ArgumentParser(description="Find links of built pages that lead nowhere.")
    parser.add_argument("folder", type=Path, help="the built pages, such as docs/_build/html")
    folder = parser.parse_args().folder
    found = faults(folder)
    n_pages = len(pages(folder))
    print("\n".join([*found, f"{n_pages} pages, {len(found)} faults"]))
    sys.exit(bool(found) or not n_pages)


if __name__ == "__main__":
    main()
