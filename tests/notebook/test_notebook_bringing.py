"""What a ``%%chat`` line brings along: attachments, a schema for the answer, tools."""

from __future__ import annotations

import json
import struct
import zlib
from types import SimpleNamespace
from typing import Literal

import pydantic
import pytest

from dknb.errors import ConfigError
from dknb.llm.parts import ImagePart


def png(width=2, height=2):
    """A real picture, of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def asked(notebook):
    """The questions of the current conversation."""
    tree = notebook.talk.manager.state.message_tree
    return [node.data.message for node in tree.walk() if node.data.role == "user"]


def test_a_picture_in_a_file_goes_along(notebook, project):
    """The question has the text and the picture, and the store gives both back."""
    (project / "red.png").write_bytes(png())
    notebook.ok("%%chat --attach red.png\nWhat is this?", cell="a")
    (message,) = asked(notebook)
    assert message.content == "What is this?"
    assert [type(part) for part in message.parts[1:]] == [ImagePart]


def test_a_figure_in_a_variable_goes_along(notebook):
    """A matplotlib figure is sent as a picture."""
    from matplotlib.figure import Figure

    notebook.shell.user_ns["fig"] = Figure(figsize=(1, 1))
    notebook.ok("%%chat --attach fig\nWhat is this?", cell="a")
    assert asked(notebook)[0].parts[1].media_type == "image/png"


def test_the_same_question_with_another_picture_is_another_question(notebook, project):
    """Running the cell again with the same picture asks the same question; with another, a new one beside it."""
    (project / "a.png").write_bytes(png())
    notebook.ok("%%chat --attach a.png\nWhat is this?", cell="a")
    notebook.ok("%%chat --attach a.png\nWhat is this?", cell="a")
    assert len(asked(notebook)) == 1
    (project / "a.png").write_bytes(png(3, 3))
    notebook.ok("%%chat --attach a.png\nWhat is this?", cell="a")
    assert len(asked(notebook)) == 2


@pytest.mark.parametrize("name", ["nowhere.png", "fig"])
def test_an_attachment_that_is_not_there_is_named(notebook, name):
    """Neither a variable nor a file: one line says so, and nothing is asked."""
    ran = notebook.run(f"%%chat --attach {name}\nWhat?", cell="a")
    assert isinstance(ran.error, ConfigError)
    assert repr(name) in str(ran.error)
    assert notebook.talk is None


def test_an_answer_is_parsed_as_the_class_in_a_variable(notebook):
    """With --schema the reply's `parsed` is an object of that class."""

    class City(pydantic.BaseModel):
        name: str
        people: int

    notebook.shell.user_ns["City"] = City
    notebook.ok("%%chat --schema City --as reply\nThe largest?", cell="a")
    assert isinstance(notebook.shell.user_ns["reply"].parsed, City)


@pytest.mark.parametrize(
    ("expression", "reply", "value"),
    [
        ("list[City]", '{"value": [{"name": "Rome"}]}', "[City(name='Rome')]"),
        ("dict[str, int]", '{"a": 1}', "{'a': 1}"),
        ("'City | None'", '{"value": null}', "None"),
        ("City|None", '{"value": {"name": "Rome"}}', "City(name='Rome')"),
        ("places.City", '{"name": "Rome"}', "City(name='Rome')"),
        ("list", '{"value": [1, "a"]}', "[1, 'a']"),
        ('Literal["a", "b"]', '{"value": "b"}', "'b'"),
    ],
)
def test_a_type_is_written_on_the_line(notebook, expression, reply, value):
    """Of the names of the notebook and those that are built in; `parsed` is the value, without what it comes in."""

    class City(pydantic.BaseModel):
        name: str

    notebook.shell.user_ns |= {"City": City, "places": SimpleNamespace(City=City), "Literal": Literal}
    notebook.session.provider(notebook.session.config).set_responses([reply])
    notebook.ok(f"%%chat --schema {expression} --as reply\nWhich?", cell="a")
    assert repr(notebook.shell.user_ns["reply"].parsed) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("list[Citty]", "There is no 'Citty'. Did you mean 'City'?"),
        ("City()", "There is no 'City()', and it is no type."),
        ("list[[]]", "There is no '[]', and it is no type."),
        ("list[", "There is no 'list[', and it is no type."),
        ("City.nothing", "'City.nothing' is no type: "),
        ("1|2", "response_format is 3"),
        ("print", "There is no 'print'"),
    ],
)
def test_what_is_no_type_is_said_and_nothing_is_called(notebook, expression, message):
    """A wrong name with its nearest; whatever runs code is refused."""

    def city():
        raise AssertionError("it was called")

    notebook.shell.user_ns["City"] = city
    ran = notebook.run(f"%%chat --schema {expression}\nWhich?", cell="a")
    assert isinstance(ran.error, ConfigError)
    assert message in str(ran.error)


def test_what_went_along_shows_in_the_tree_and_below_the_answer(notebook, project):
    """Counted by kind, in text, HTML and data; so are calls of tools, which have no text."""
    (project / "red.png").write_bytes(png())
    (project / "notes.txt").write_text("Notes.")
    line = "%%chat --attach red.png --attach red.png --attach notes.txt"
    assert "main · asked with 2 images, 1 document · " in notebook.ok(f"{line}\nWhat?", cell="a")
    assert "asked with" not in notebook.ok("%%chat\nplain", cell="b")
    notebook.shell.user_ns["tools"] = [{"name": "add", "parameters": {"type": "object", "properties": {}}}]
    notebook.ok("%%chat --tools tools mode=function\nAdd.", cell="c")
    (bundle,) = notebook.run("%branch tree").bundles
    asked, called = "[2 images, 1 document] What?", "[asks for add({})]"
    assert {asked, called} < set(bundle["application/vnd.dknb.conversation+json"]["nodes"]["text"])
    for name in ("text/plain", "text/html"):
        assert f"{asked}" in bundle[name]
        assert f"{called}" in bundle[name]


def test_an_answer_is_parsed_as_the_schema_in_a_file(notebook, project):
    """A JSON Schema in a file does the same; what is parsed is plain data then."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    (project / "n.json").write_text(json.dumps(schema))
    notebook.ok("%%chat --schema n.json --as reply\nA number?", cell="a")
    assert isinstance(notebook.shell.user_ns["reply"].parsed["n"], int)


def test_a_schema_file_without_a_schema_is_refused(notebook, project):
    """A file that holds a list, or no JSON, is no schema."""
    (project / "list.json").write_text("[]")
    (project / "text.json").write_text("no")
    for name in ("list.json", "text.json"):
        assert isinstance(notebook.run(f"%%chat --schema {name}\nWhat?", cell="a").error, ConfigError)


def test_tools_in_a_variable_may_be_called(notebook):
    """The calls that the model asks for are in the reply and in the line below the answer."""
    notebook.shell.user_ns["tools"] = [{"name": "add", "parameters": {"type": "object", "properties": {}}}]
    text = notebook.ok("%%chat --tools tools mode=function --as reply\nAdd.", cell="a")
    assert [call.name for call in notebook.shell.user_ns["reply"].tool_calls] == ["add"]
    assert "asks for add" in text


def test_tools_that_are_not_there_are_named(notebook):
    """A misspelt variable is said, with the nearest."""
    notebook.shell.user_ns["my_tools"] = []
    ran = notebook.run("%%chat --tools my_tolls\nAdd.", cell="a")
    assert "my_tools" in str(ran.error)


def test_a_script_brings_them_too(project, monkeypatch):
    """`dknb.chat` takes attachments and a format for the answer."""
    from dknb import chat
    from dknb.notebook.extension import current_session

    assert current_session() is None
    reply = chat("A number?", model="echo", name="bringing", attach=[png()], response_format={"type": "object"})
    assert reply.parsed == {}
