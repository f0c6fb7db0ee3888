import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from synovia.report import Content, Methods, render
from synthetic_report import HOSTILE, content


class Reader(HTMLParser):
    """Tags, ids, links and the text of the elements that matter."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.stack: list[str] = []
        self.unclosed: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "br", "img", "link", "input", "hr"}:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.unclosed.append(tag)

    def values(self, name: str) -> list[str]:
        return [attrs[name] for _, attrs in self.tags if name in attrs]


def bare() -> Content:
    methods = Methods("1", "not registered", "adults", ("a",), ("b",), ("randomised trial",))
    return Content("Bare", "Why?", "Field", "Synovia 0", (), methods)


@pytest.fixture(scope="module", params=["bare", "synthetic", "hostile"])
def html(request: pytest.FixtureRequest) -> str:
    if request.param == "bare":
        return render(bare())
    return render(content(HOSTILE if request.param == "hostile" else ""))


def test_every_internal_link_resolves_and_ids_are_unique(html: str) -> None:
    page = Reader(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = [value for name in ("href", "xlink:href") for value in page.values(name)]
    assert [t for t in targets if t.startswith("#") and t[1:] not in ids] == []
    referred = re.findall(r"url\(#([^)\"]+)\)", html)
    assert set(referred) <= set(ids)
    described = [name for value in page.values("aria-labelledby") for name in value.split()]
    assert set(described) <= set(ids)


def test_elements_are_closed_in_order(html: str) -> None:
    page = Reader(html)
    assert page.unclosed == []
    assert page.stack == []


def test_nothing_is_fetched(html: str) -> None:
    page = Reader(html)
    fetching = {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "audio",
        "video",
        "source",
        "image",
        "base",
    }
    assert [t for t, attrs in page.tags if t in fetching and {"src", "href", "data"} & set(attrs)] == []
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", html)
    outside = [attrs for tag, attrs in page.tags if attrs.get("href", "").startswith("http")]
    assert all("noreferrer" in attrs.get("rel", "") for attrs in outside)
    assert {tag for tag, attrs in page.tags if attrs.get("href", "").startswith("http")} <= {"a"}
    assert all(value.startswith(("#", "https://")) for value in page.values("href"))


def test_policy_allows_only_the_page_s_own_script(html: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = next(
        a["content"] for t, a in Reader(html).tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_hostile_text_stays_text(hostile: Content) -> None:
    html = render(hostile)
    page = Reader(html)
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert [name for _, attrs in page.tags for name in attrs if name.startswith("on")] == []
    assert not any("javascript:" in value for value in page.values("href"))
    assert "\u202e" not in html
    assert "\x00" not in html
    assert html.count("&lt;script&gt;alert(1)") > 60
    html.encode("utf-8")


def test_lone_surrogates_do_not_reach_the_file() -> None:
    html = render(replace(bare(), title="half \ud83d of a pair"))
    html.encode("utf-8")


def test_same_content_gives_the_same_bytes(synthetic: Content) -> None:
    assert render(synthetic) == render(content())


def test_a_note_is_said_once_and_referred_to(synthetic: Content) -> None:
    html = render(synthetic)
    notes = html[html.index('<ul class="notes">') :]
    assert notes.index("sd from se") < notes.index("</ul>")
    assert 'href="#note.ha-vs-saline-pain-3-months.0"' in html


def test_no_clock_and_no_path(synthetic: Content) -> None:
    html = render(synthetic)
    assert "/synovia/" not in html
    assert not re.search(r"\b20(2[4-9]|3\d)-\d\d-\d\dT", html)


def test_sections_stand_in_their_order(synthetic: Content) -> None:
    html = render(synthetic)
    names = (
        "answer",
        "flow",
        "comparisons",
        "studies",
        "laboratory",
        "published",
        "missing",
        "methods",
        "evidence",
    )
    places = [html.index(f'<section id="{name}"') for name in names]
    assert places == sorted(places)
    assert html.index("Information, not medical advice") < places[0]


def test_a_number_leads_down_to_its_source(synthetic: Content) -> None:
    """Sentence, forest row, row of outcomes, study, record: one link after another."""
    html = render(synthetic)
    assert '<a class="quietlink" href="#answer.ha-vs-saline-pain-3-months">' in html
    effect = re.search(
        r'<tr id="effect\.ha-vs-saline-pain-3-months\.trial-1_20_HA-saline">.*?</tr>', html, re.DOTALL
    )
    assert effect is not None
    assert 'href="#study.trial-1"' in effect.group()
    assert 'href="#outcome.2"' in effect.group()
    row = re.search(r'<tr id="outcome\.2">.*?</tr>', html, re.DOTALL)
    assert row is not None
    for text in (
        "mean 40.5, SE 1.2, n 300",
        "sd = 20.785",
        "SD = SE sqrt(n)",
        "Cochrane Handbook",
        "Table 2",
    ):
        assert text in row.group()
    assert "https://doi.org/10.1000/xyz123" in row.group()
    assert "entered by A. Reader" in row.group()
    assert 'id="record.a-1"' in html
    assert 'href="#record.a-1"' in html


def test_what_is_missing_is_said(synthetic: Content) -> None:
    html = render(synthetic)
    missing = html[html.index('<section id="missing"') : html.index('<section id="methods"')]
    for text in (
        "Risk of bias: not yet appraised",
        "No arm numbers",
        "no usable numbers for pain at 12 months",
    ):
        assert text in missing


def test_tables_name_their_columns(html: str) -> None:
    page = Reader(html)
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert all(attrs.get("scope") in {"col", "row", "rowgroup"} for attrs in heads)
    tables = sum(tag == "table" for tag, _ in page.tags)
    captions = sum(tag == "caption" for tag, _ in page.tags)
    assert tables == captions


def test_a_broken_flow_is_told() -> None:
    whole = content()
    html = render(replace(whole, searches=()))
    assert "PRISMA flow: " in html[html.index('<section id="missing"') :]
    assert "PRISMA flow: " not in render(whole)
