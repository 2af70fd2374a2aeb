"""Pictures of flows: Mermaid and SVG, with the way taken, whatever names hold."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from flow_help import line, state, support, talk

from dknb.conversations.flow import ConversationFlow, always, parse_flow
from dknb.conversations.flow.mermaid import mermaid_of
from dknb.conversations.flow.svg import svg_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"] --> x; click s0 href "javascript:alert(1)"',
    "end",
    "`**bold**`\n    style s0 fill:#f00",
    "]]>&lt;\x00\x1b[31m\u202egnp",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "a|b",
]


def hostile() -> ConversationFlow:
    """A flow of states with such names, and ways that are called so too."""
    ways = zip(HOSTILE, [*HOSTILE[1:], HOSTILE[0]], strict=True)
    states = {name: state("x", (name, always(), target)) for name, target in ways}
    return ConversationFlow(HOSTILE[0], states=states, initial_state=HOSTILE[0], max_total_loops=50)


def test_a_flow_is_drawn_in_mermaid() -> None:
    """States by number, names as labels, the end rounded."""
    assert support().to_mermaid().splitlines()[:8] == [
        "flowchart TD",
        '    start(("&nbsp;"))',
        '    s0["greet"]',
        '    s1["ask"]',
        '    s2(["bye"])',
        "    start --> s0",
        '    s0 -->|"on"| s1',
        '    s1 -->|"solved"| s2',
    ]


async def test_the_way_taken_is_marked() -> None:
    """States that were entered, how often, where it ended, and the ways between."""
    result = await support().execute(await talk("hi", "no", "solved"), {"customer": "Ann"}, inputs=["a", "b"])
    drawn = result.to_mermaid()
    assert 's1["ask \N{MULTIPLICATION SIGN}2"]' in drawn
    assert re.findall(r"class (s\d) (\w+)", drawn) == [("s0", "taken"), ("s1", "taken"), ("s2", "last")]
    assert "linkStyle 1,2,3 stroke" in drawn
    picture = ElementTree.fromstring(result.to_svg())
    boxes = [box.get("class") for box in picture.iter(f"{SVG}rect")]
    assert boxes == ["box taken", "box taken", "box last"]
    assert [way.get("class") for way in picture.iter(f"{SVG}path") if way.get("class")] == ["way taken"] * 3


async def test_a_way_that_was_not_taken_is_not_marked() -> None:
    """The same picture without a mark."""
    result = await support().execute(await talk("hi", "solved"), {"customer": "Ann"}, inputs=["a"])
    assert "linkStyle 1,2 stroke" in result.to_mermaid()
    picture = ElementTree.fromstring(result.to_svg())
    ways = [way.get("class") for way in picture.iter(f"{SVG}path") if way.get("class")]
    assert ways == ["way taken", "way taken", "way"]


def test_names_are_text_in_mermaid() -> None:
    """Nothing that a name holds ends its label, or begins a line, a link, a directive or a tag."""
    drawn = hostile().to_mermaid()
    lines = drawn.splitlines()
    shapes = r'( {4}(s\d+(\[|\(\[)"[^"<>`{}|]*"(\]|\]\))|s\d+ -->\|"[^"<>`{}|]*"\| s\d+|start.*|classDef \w+ [^<>"]*))'
    assert [text for text in lines[1:] if not re.fullmatch(shapes, text)] == []
    assert "#60;script#62;alert#40;1#41;#60;/script#62;" in drawn


def test_names_are_text_in_svg() -> None:
    """The picture is XML, has no element or attribute of theirs, and shows them."""
    picture = ElementTree.fromstring(hostile().to_svg())
    kinds = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert kinds == {"svg", "title", "style", "defs", "marker", "path", "rect", "text"}
    shown = [element.text for element in picture.iter(f"{SVG}text") if element.get("class") == "name"]
    assert shown[0] == HOSTILE[0]
    assert shown[2] == "end"
    assert not {name for element in picture.iter() for name in element.attrib if name.startswith(("on", "href"))}


def test_long_names_are_cut() -> None:
    """To forty characters, in one line."""
    drawn = line("x" * 1_000).to_mermaid()
    assert f'"{"x" * 39}…"' in drawn
    assert "x" * 40 not in drawn


@pytest.mark.parametrize("count", [1, 300])
def test_a_flow_of_any_size_is_drawn(count: int) -> None:
    """One box a state, and one for the end."""
    picture = ElementTree.fromstring(line(*(f"s{n}" for n in range(count))).to_svg())
    assert len(list(picture.iter(f"{SVG}rect"))) == count + 1


def test_the_state_where_a_run_waits_is_marked() -> None:
    """It has been entered and has no step yet; the one that was done last is no more than taken."""
    flow = parse_flow(
        "initial_state: ask\nstates:\n  ask: {template: A, transitions: [{to: hear}]}\n  hear: {template: B, waits: true}\n",
        name="desk",
    )
    assert '<rect class="box last"' not in svg_of(flow)
    boxes = re.findall(r'<rect class="([^"]+)".*?<text[^>]*>([^<]+)</text>', svg_of(flow, (), "hear"))
    assert boxes == [("box", "ask"), ("box last", "hear")]
    assert "class s1 last" in mermaid_of(flow, (), "hear")


def test_a_picture_has_no_ground_of_its_own() -> None:
    """It lies on a dark page as on a light one: only boxes and labels are filled, and none of it is white."""
    flow = parse_flow("initial_state: a\nstates:\n  a: {template: A}\n", name="one")
    assert "#fff" not in svg_of(flow)
    assert svg_of(flow).count("<rect") == 1
