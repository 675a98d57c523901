"""The page loads nothing, runs nothing, and shows hostile text as text."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cartopath.report import write_report
from cartopath.report.pictures import page_jpeg, page_png
from cartopath.report.schemas import SCHEMAS

HOSTILE = "<script>alert('x')</script>\"><img src=https://evil.example/x onerror=alert(1)> a$b$_{$ \\frac "


class Elements(HTMLParser):
    """Collects every start tag with its attributes, and whether tags balance."""

    VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def elements(page: str) -> list[tuple[str, dict[str, str]]]:
    return Elements(page).found


def inline_svgs(page: str) -> list[str]:
    return [base64.b64decode(text).decode() for text in re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)]


def test_has_no_scripts_frames_or_outside_files(elements: list[tuple[str, dict[str, str]]]) -> None:
    assert {tag for tag, _ in elements} & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "base",
        "audio",
        "video",
    } == set()


def test_has_no_event_handlers(elements: list[tuple[str, dict[str, str]]]) -> None:
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]


def test_every_image_is_inside_the_page(elements: list[tuple[str, dict[str, str]]]) -> None:
    sources = [attributes["src"] for tag, attributes in elements if tag == "img"]
    assert len(sources) > 10
    assert all(source.startswith(("data:image/svg+xml;base64,", "data:image/png;base64,")) for source in sources)


def test_every_link_stays_on_the_page(elements: list[tuple[str, dict[str, str]]]) -> None:
    anchors = {attributes["id"] for _, attributes in elements if "id" in attributes}
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    assert links
    assert all(link.startswith("#") and link[1:] in anchors for link in links)


def test_names_no_web_address(page: str) -> None:
    without_pictures = re.sub(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r"https?://|url\(|@import", without_pictures)


def test_figures_name_no_address_but_the_svg_namespaces(page: str) -> None:
    for svg in inline_svgs(page):
        addresses = set(re.findall(r"https?://[^\s\"'<>]+", svg))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
        assert "<script" not in svg


def test_security_policy_forbids_scripts_and_remote_loads(elements: list[tuple[str, dict[str, str]]]) -> None:
    policies = [a["content"] for tag, a in elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    directives = dict(part.strip().split(" ", 1) for part in policies[0].split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["img-src"] == "data:"
    assert "script-src" not in directives


def test_tags_balance(page: str) -> None:
    assert Elements(page).open == []


def test_shows_hostile_text_as_text(study: Path) -> None:
    for path in (study / "tables").glob("*.csv"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        structural = {
            "set",
            "status",
            "label",
            "median_label",
            "role",
            "ood",
            "model",
            "metric",
            "kind",
            "against",
            "round",
            "level",
        }
        for column in set(SCHEMAS[path.stem].text) - structural:
            rows[column] = HOSTILE + rows[column]
        rows.to_csv(path, index=False)
    (study / "study.lock.yaml").write_text(f"name: study\nnote: {HOSTILE!r}\n")
    (study / "ledger.jsonl").write_text('{"stage": "<script>", "task": "<script>", "outcome": "failed", "reason": "<script>"}\n')
    html = write_report(study, title=HOSTILE, key=HOSTILE).read_text(encoding="utf-8")
    found = Elements(html).found
    assert "script" not in {tag for tag, _ in found}
    assert not [a for tag, a in found if tag == "img" and not a["src"].startswith("data:")]
    assert not [name for _, attributes in found for name in attributes if name == "onerror"]
    assert all("<script" not in svg for svg in inline_svgs(html))
    assert html.count("&lt;script&gt;alert") > 100
    assert "a$b$_{$ \\frac" in html


def test_drops_text_hidden_in_pictures(tmp_path: Path) -> None:
    hidden = PngInfo()
    hidden.add_text("patient", "Jane Doe")
    Image.new("RGB", (40, 30), "red").save(tmp_path / "map.png", pnginfo=hidden)
    assert b"Jane Doe" in (tmp_path / "map.png").read_bytes()
    content = page_png(tmp_path / "map.png", max_px=100)
    assert content is not None
    assert b"Jane Doe" not in content


def test_drops_text_hidden_in_pictures_of_slides(tmp_path: Path) -> None:
    path = tmp_path / "slide.jpg"
    Image.new("RGB", (40, 30), "red").save(path, comment=b"Jane Doe")
    assert b"Jane Doe" in path.read_bytes()
    content = page_jpeg(path, max_px=20)
    assert content is not None
    assert b"Jane Doe" not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (20, 15))
