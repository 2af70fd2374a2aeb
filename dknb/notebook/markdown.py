"""A model's Markdown, made safe to show.

JupyterLab does not sanitise the Markdown of a cell that was just run (4.6 runs a ``<script>`` in it), so what a model
says is not handed to it as it came. Its HTML twin is rendered here, where raw HTML is text, a link leads to the web or
nowhere, and a remote image is a link (an image address is a way to carry a prompt's secrets out of the page). Viewers
prefer that twin; the Markdown that goes with it has its HTML, its images and its script links defused.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from .views.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["answer_bundle", "defused_markdown", "markdown_to_html"]

#: Characters beyond which an answer is not rendered.
_LONGEST = 60_000

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")
_SCRIPT = re.compile(r"(?i)\b(javascript|vbscript|data)(?=\s*(?::(?!\s)|&colon|&#))")
_ENTITY = re.compile(r"&(?=[#\w]+;)")


def answer_bundle(text: str) -> dict[str, str]:
    """The MIME bundle of a model's answer: safe HTML, defused Markdown, and the text itself."""
    text = printable(text)
    return {"text/html": markdown_to_html(text), "text/markdown": defused_markdown(text), "text/plain": text}


def markdown_to_html(text: str) -> str:
    """``text`` rendered as Markdown (tables, fences, mathematics), with everything active in it shown as text.

    A very long one is shown as it is: the stop button must not wait for its rendering.
    """
    if len(text) > _LONGEST:
        return f'<div class="dknb-answer" style="white-space:pre-wrap">{html.escape(text, quote=False)}</div>'
    return f'<div class="dknb-answer">{_renderer().render(text)}</div>'


def defused_markdown(text: str) -> str:
    """``text`` as Markdown in which no HTML, image or script link is left to act.

    Text without any comes back as it is. Inside code the defusing may be visible, as ``&lt;``.
    """
    if not (_TAG.search(text) or _IMAGE.search(text) or _SCRIPT.search(text) or "](" in text or "]:" in text):
        return text
    text = _TAG.sub("&lt;", _ENTITY.sub("&amp;", text))
    return _SCRIPT.sub("\\1\u200b", _IMAGE.sub(r"\\!", text))


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    # Without "html" every tag in the source is text; validateLink refuses javascript:, vbscript:, file: and data:.
    renderer = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    renderer.use(dollarmath_plugin, allow_digits=False)
    renderer.inline.ruler.before("escape", "math_brackets", _bracket_math)
    for name in ("image", "link_open", "math_inline", "math_inline_double", "math_block", "fence", "text"):
        renderer.add_render_rule(name, _RULES[name])
    return renderer


def _bracket_math(state: StateInline, silent: bool) -> bool:
    r"""Mathematics as models like to write it: ``\(x\)`` and ``\[x\]``, of at most so many characters."""
    opening = state.src[state.pos : state.pos + 2]
    if opening not in (r"\(", r"\["):
        return False
    end = state.src.find(r"\)" if opening == r"\(" else r"\]", state.pos + 2, state.pos + 2_000)
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline" if opening == r"\(" else "math_inline_double", "math", 0)
        token.content = state.src[state.pos + 2 : end].strip()
    state.pos = end + 2
    return True


def _image(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    token = tokens[index]
    name = html.escape(token.content or "image")
    address = html.escape(str(token.attrs.get("src", "")), quote=True)
    return f'<a href="{address}" rel="noopener noreferrer" target="_blank">image: {name}</a>'


def _link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrs.update({"rel": "noopener noreferrer", "target": "_blank"})
    return renderer.renderToken(tokens, index, options, env)


def _text(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    # A dollar that is no mathematics stands alone in an element, else MathJax pairs it with the next one.
    return html.escape(tokens[index].content).replace("$", "<span>$</span>")


def _math(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return f"${html.escape(tokens[index].content, quote=False)}$"


def _math_display(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return f"$${html.escape(tokens[index].content, quote=False)}$$"


def _math_block(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return f"<p>$${html.escape(tokens[index].content.strip(), quote=False)}$$</p>\n"


def _fence(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    token = tokens[index]
    language = (token.info.split() or [""])[0]
    return f"<pre><code>{_highlighted(token.content, language)}</code></pre>\n"


def _highlighted(code: str, language: str) -> str:
    """The code as HTML, coloured with JupyterLab's own variables, so that it fits both themes."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language) if language and len(code) < 50_000 else None
    except ClassNotFound:
        lexer = None
    if lexer is None:
        return html.escape(code, quote=False)
    pieces = []
    for kind, text in lexer.get_tokens(code):
        colour = next((_COLOURS[name] for name in _names(kind) if name in _COLOURS), None)
        escaped = html.escape(text, quote=False)
        pieces.append(
            f'<span style="color:var(--jp-mirror-editor-{colour}-color)">{escaped}</span>' if colour else escaped
        )
    return "".join(pieces)


def _names(kind: Any) -> list[str]:
    """A token type's name and those of the types it belongs to: ``Name.Function``, ``Name``."""
    parts = str(kind).split(".")[1:]
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


_COLOURS = {
    "Keyword": "keyword",
    "Keyword.Constant": "atom",
    "Literal.Number": "number",
    "Literal.String": "string",
    "Comment": "comment",
    "Operator": "operator",
    "Name.Function": "def",
    "Name.Class": "def",
    "Name.Builtin": "builtin",
    "Name.Tag": "tag",
    "Name.Attribute": "attribute",
    "Name.Decorator": "meta",
}
_RULES: dict[str, Any] = {
    "image": _image,
    "link_open": _link,
    "math_inline": _math,
    "math_inline_double": _math_display,
    "math_block": _math_block,
    "fence": _fence,
    "text": _text,
}
