"""The known ways out of a Jinja sandbox, from CVEs and from lists of payloads: none leads anywhere.

Each case is an error, or prints nothing but what the values say. What they are after is in `SECRETS`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import types
from contextlib import suppress
from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import Compiler, TemplateMode, compile_template

SECRETS = (
    "root:",
    "uid=",
    "s3cret",
    "<module",
    "<built-in",
    "<class",
    "<function",
    "<slot wrapper",
    "<method",
    "<code",
)

CLASSES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].__class__.__base__.__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ dict.mro() }}",
    "{{ dict['mro']() }}",
    "{{ (1).__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    r"{{ ''['\x5f\x5fclass\x5f\x5f'] }}",
    r"{{ ''|attr('\u005f\u005fclass\u005f\u005f') }}",
    "{{ ''|attr(['__', 'class', '__']|join) }}",
    "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ ''|attr(name) }}",
    "{{ {}|attr('__class__')|attr('__base__') }}",
    "{% set a = '__class__' %}{{ x[a] }}",
    "{{ x.__init__.__globals__ }}",
    "{{ x.__doc__ }}",
    "{{ x._secret }}",
    "{{ x['_secret'] }}",
    "{{ x|attr('_secret') }}",
    "{{ (x|attr)('_secret') }}",
]

FILTERS = [
    "{{ [x]|map(attribute='__class__')|list }}",
    "{{ [x]|map(attribute='_secret')|join }}",
    "{{ [x]|map('attr', '__class__')|list }}",
    "{{ [x]|sum(attribute='__class__') }}",
    "{{ [x]|min(attribute='_secret') }}",
    "{{ [x, x]|sort(attribute='_secret') }}",
    "{{ [x]|unique(attribute='_secret')|list }}",
    "{{ [x]|groupby('_secret') }}",
    "{{ [x]|groupby('__class__') }}",
    "{{ [x]|map(attribute='child._secret')|list }}",
    "{{ ['{0.__class__}']|map('format', x)|list }}{{ '{0.__class__}'|format(x) }}{{ ''|attr('format').__self__ }}",
    "{% filter attr('__class__') %}x{% endfilter %}",
    "{{ x|tojson }}",
    "{{ x|xmlattr }}",
]

FORMATS = [
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{x.__class__.__init__.__globals__}'.format(x=x) }}",
    "{{ '{0[__class__]}'.format(x) }}",
    "{{ '{0._secret}'.format(x) }}",
    "{{ '{0.child._secret}'.format(x) }}",
    "{{ '{x._secret}'.format_map({'x': x}) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ ('{0._secret}'|safe).format(x) }}",
    "{{ ('{0.__class__}'|e).format(x) }}",
    "{{ ''.join(['{0.', '_secret}']).format(x) }}",
    "{{ ('{0._secret}'|attr('format'))(x) }}",  # CVE-2025-27516
    "{{ '{0._secret}'['format'](x) }}",
    "{% set f = '{0._secret}'.format %}{{ f(x) }}",  # CVE-2024-56326
    "{{ ['{0._secret}'.format]|map(attribute='__call__')|list }}",
    "{% macro m(f) %}{{ f(x) }}{% endmacro %}{{ m('{0._secret}'.format) }}",
    "{{ '{0:{1._secret}}'.format(1, x) }}",
    "{{ '{0!r:{1.__class__}}'.format(1, x) }}",
    "{{ x.text.format(x) }}",
]

JINJA = [
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self['_TemplateReference__context'] }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os }}",
    "{{ joiner('x').__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace()._Namespace__attrs }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum|attr('__globals__') }}",
    "{{ range.__self__ }}",
    "{{ dict.__base__.__subclasses__() }}",
    "{{ prompt_ref.__globals__ }}",
    "{{ prompt_ref.__closure__ }}",
    "{{ url_for.__globals__ }}{{ get_flashed_messages.__globals__ }}{{ config.items() }}{{ request.application }}",
    "{% for a in 'x' %}{{ loop._iterator }}{% endfor %}",
    "{% for a in 'x' %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for a in 'x' %}{{ loop.__class__ }}{% endfor %}",
    "{% macro m() %}{{ m._func }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% macro m() %}{{ m._environment.globals }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ varargs.__class__ }}{{ kwargs.__class__ }}{% endmacro %}{{ m() }}",
    "{{ missing.__class__ }}",
    "{{ missing._undefined_exception.__globals__ }}",
    "{{ missing._fail_with_undefined_error() }}",
    "{{ missing|attr('_undefined_obj') }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}{{ ns.__init__.__globals__ }}",
    "{% block b %}{{ super.__init__ }}{% endblock %}",
]

LOADING = [
    "{% include 'secret.txt' %}",
    "{% include '/etc/passwd' %}",
    "{% include ['a', '/etc/passwd'] ignore missing %}",
    "{% include name %}",
    "{% import '/etc/passwd' as m %}{{ m }}",
    "{% from '/etc/passwd' import a %}",
    "{% extends '/etc/passwd' %}",
    "{% extends name %}",
    "{% if 1 %}{% include '../../etc/passwd' %}{% endif %}",
    "{% for a in 'x' %}{% import 'm' as m with context %}{% endfor %}",
    "{% debug %}",
    "{% do x.append(1) %}",
    "{% trans %}x{% endtrans %}",
    "{% python %}import os{% endpython %}",
]

OBJECTS = [
    "{{ module.environ }}",
    "{{ module.system('id') }}",
    "{{ module['system']('id') }}",
    "{{ module|attr('environ') }}",
    "{{ [module]|map(attribute='environ')|list }}",
    "{{ '{0.environ}'.format(module) }}",
    "{{ holder.module.popen('id').read() }}",
    "{{ holder.modules.os.environ }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ holder.open('/etc/passwd').read() }}",
    "{{ evaluate('__import__(\"os\").environ') }}",
    "{{ evaluate|attr('__self__') }}",
    "{{ function.__code__ }}",
    "{{ function.__globals__ }}",
    "{{ function.__closure__ }}",
    "{{ function.__builtins__ }}",
    "{{ method.__func__ }}",
    "{{ method.__self__ }}",
    "{{ generator.gi_frame.f_globals }}",
    "{{ generator.gi_code }}",
    "{{ frame.f_globals }}",
    "{{ frame.f_back.f_locals }}",
    "{{ error.__traceback__.tb_frame }}",
    "{{ agen.ag_frame }}",
    "{{ coroutine.cr_frame }}",
    "{% for a in agen %}{{ a }}{% endfor %}",
    "{{ type.mro(type) }}",
    "{{ function.__code__.co_consts }}",
]

WRITING = [
    "{{ xs.append(1) }}",
    "{{ xs.clear() }}",
    "{{ xs|attr('append') }}{{ xs['append'](1) }}",
    "{{ d.update(a=1) }}",
    "{{ d.pop('a') }}",
    "{{ d.setdefault('z', 1) }}",
    "{% set d.a = 2 %}",
    "{{ holder.wipe() }}",
]

EVERY = {
    f"{group} {number}": template
    for group, templates in {
        "classes": CLASSES,
        "filters": FILTERS,
        "formats": FORMATS,
        "jinja": JINJA,
        "loading": LOADING,
        "objects": OBJECTS,
        "writing": WRITING,
    }.items()
    for number, template in enumerate(templates)
}


class Child:
    """What a value may lead to."""

    _secret = "s3cret"

    def __repr__(self) -> str:
        return "child"


class Value:
    """A value with something private; it writes down who asks for it."""

    text = "{0._secret}"
    child = Child()

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def _secret(self) -> str:
        self.asked.append("_secret")
        return "s3cret"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            self.asked.append(name)
            return "s3cret"
        raise AttributeError(name)

    def __repr__(self) -> str:
        return "value"


class Holder:
    """An object whose attributes are things that no template should get at."""

    module = os
    modules = types.SimpleNamespace(os=os)
    open = staticmethod(open)

    def __init__(self) -> None:
        self.wiped = False

    def wipe(self) -> None:
        self.wiped = True

    wipe.alters_data = True  # type: ignore[attr-defined]  # Django's way to say so


async def _agen() -> Any:
    yield "s3cret"


def _values() -> dict[str, Any]:
    holder = Holder()
    return {
        "x": Value(),
        "xs": [1],
        "d": {"a": 1},
        "name": "/etc/passwd",
        "holder": holder,
        "module": os,
        "open": open,
        "evaluate": eval,
        "type": type,
        "function": lambda: 1,
        "method": holder.wipe,
        "generator": (each for each in "s3cret"),
        "frame": sys._getframe(),
        "error": ValueError("no"),
        "agen": _agen(),
    }


@pytest.mark.parametrize("mode", TemplateMode)
@pytest.mark.parametrize("template", EVERY.values(), ids=EVERY)
def test_no_known_escape_leads_out(mode: TemplateMode, template: str) -> None:
    """It is an error of ours, or what it prints tells nothing; nothing private was asked for and nothing changed."""
    values, text = _values(), ""
    with suppress(TemplateError):
        text = Compiler().compile(template, mode).render(values).text
    assert not [secret for secret in SECRETS if secret in text]
    assert values["x"].asked == []
    assert (values["xs"], values["d"], values["holder"].wiped) == ([1], {"a": 1}, False)


def test_there_are_more_than_forty_kinds() -> None:
    """The list stays a list of different things."""
    assert len(EVERY) == len(set(EVERY.values())) > 100


@pytest.mark.parametrize("template", [*LOADING[:10]])
def test_loading_says_that_there_is_nothing_to_load_from(template: str) -> None:
    """The error tells the reason, not that a file was not found."""
    with pytest.raises(TemplateError, match="has nothing to load from: a template is one text here"):
        compile_template(template, "mixed")


def test_a_coroutine_is_not_run() -> None:
    """It prints as any object, and stays the caller's to await."""

    async def secret() -> str:
        return "s3cret"

    coroutine = secret()
    assert "s3cret" not in compile_template("{{ c }}{# #}", "mixed").render({"c": coroutine}).text
    assert asyncio.run(coroutine) == "s3cret"


def test_keys_that_begin_with_an_underscore_are_data() -> None:
    """What a mapping holds is not an attribute."""
    template = compile_template("{{ d._id }}{{ d['_id'] }}{{ '{0[_id]}'.format(d) }}", "mixed")
    assert template.render({"d": {"_id": 7}}).text == "777"


class Hostile:
    """A value whose own methods raise, each in its way."""

    __hash__ = None  # type: ignore[assignment]

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")

    __str__ = __repr__ = __html__ = __format__ = __len__ = __iter__ = __getitem__ = _raise  # noqa: PLE0307, RUF100
    __eq__ = __lt__ = __contains__ = __call__ = __bool__ = __add__ = __mod__ = _raise  # type: ignore[assignment]


HOSTILE = [
    *("{{ x }}", "((a {{x}}))", "{{ x|e }}", "{{ x|length }}", "{{ x == 1 }}", "{% for a in x %}{% endfor %}"),
    *(
        "{{ x|string }}",
        "{{ x|list }}",
        "{{ x() }}",
        "{{ x + 1 }}",
        "{{ x % 1 }}",
        "{{ 1 in x }}",
        "{% if x %}{% endif %}",
    ),
    *("{{ x[0] }}", "{{ '{}'.format(x) }}", "{{ '%s' % x }}", "{{ x ~ x }}", "{{ [x]|join }}", "{{ {x: 1} }}"),
    *("{{ [x, x]|sort }}", "{{ [x]|unique|list }}", "{{ x|replace('a', 'b') }}", "{{ x|default('a', true) }}"),
]


@pytest.mark.parametrize("template", HOSTILE)
def test_what_a_value_raises_is_a_template_error(template: str) -> None:
    """With the place where the template used it."""
    for mode in TemplateMode:
        with pytest.raises(TemplateError) as caught:
            compile_template("{# #}" + template, mode).render({"x": Hostile()})
        assert caught.value.line == 1


def test_a_value_that_cannot_be_printed_is_a_template_error_without_jinja_too() -> None:
    """In the languages of messages, and in the fast path of prompts; the error names it."""
    for mode, template in [("conditional", "a {{x}}"), ("conditional", "((a {{x}}))"), ("simple", "a {x}")]:
        with pytest.raises(TemplateError, match=r"'x' cannot be printed.*RuntimeError: boom"):
            compile_template(template, mode).render({"x": Hostile()})
    with pytest.raises(TemplateError, match="RuntimeError: boom"):
        compile_template("a {{x}}", "mixed").render({"x": Hostile()})
