"""Import of dotprompt and Prompty files and of tables: said the same in our language, or refused with the place."""

from __future__ import annotations

import pytest
from prompts_help import write

from dknb.errors import PromptError, PromptFileError
from dknb.prompts import ConfigPromptLibrary, FileSystemPromptLibrary, PromptBuilder, import_prompts

DOTPROMPT = """\
---
model: googleai/gemini-pro
config: {temperature: 0.9, api_key: secret}
input:
  schema:
    location: string, where we are
    style?: string
    items(array, what there is):
      title: string
    mood(enum): [GLAD, SAD]
  default:
    location: a restaurant
output: {format: json}
---
Hello at {{location}}{{#if style}} in the style of {{style}}{{/if}}.
{{#each items}}
{{@index}}: {{title}} ({{../location}}) {% 100 %}
{{else}}
nothing
{{/each}}
Bye ((really)).
"""


def one(tmp_path, name, text):
    [found] = import_prompts(write(tmp_path / name, text))
    return found


def rendered(found, **params):
    library = ConfigPromptLibrary({found.kind: {found.name: found.data}})
    assert [each for each in library.validate() if each.severity == "error"] == []
    return PromptBuilder(library).render_user_prompt(found.name, params=params).content


def test_dotprompt_is_said_in_jinja(tmp_path):
    """Conditions, loops, their else, lines that hold only tags, and text that looks like Jinja mean what they meant."""
    found = one(tmp_path, "greet.prompt", DOTPROMPT)
    assert (found.name, found.kind) == ("greet", "user")
    assert found.data["parameters"] == {
        "location": {"type": "string", "description": "where we are", "required": True},
        "style": {"type": "string"},
        "items": {"type": "list", "description": "what there is", "required": True},
        "mood": {"type": "enum", "choices": ["GLAD", "SAD"], "required": True},
    }
    assert found.data["metadata"] == {
        "model": "googleai/gemini-pro",
        "config": {"temperature": 0.9},
        "output": {"format": "json"},
    }
    text = rendered(found, style="Pratchett", items=[{"title": "soup"}], mood="GLAD")
    assert text == (
        "Hello at a restaurant in the style of Pratchett.\n0: soup (a restaurant) {% 100 %}\nBye ((really)).\n"
    )
    assert rendered(found, style="", items=[], mood="SAD") == "Hello at a restaurant.\nnothing\nBye ((really)).\n"


def test_roles_make_a_message_index(tmp_path):
    """{{role}} begins a message; the model is the assistant; history is left out, and said to be."""
    found = one(tmp_path, "chat.prompt", '{{role "system"}}\nBe {{tone}}.\n{{history}}\n{{role "user"}}\n{{text}}\n')
    assert found.kind == "messages"
    assert found.data["messages"] == [
        {"role": "system", "content": "Be {{ tone }}.\n"},
        {"role": "user", "content": "{{ text }}"},
    ] or [each["role"] for each in found.data["messages"]] == ["system", "user"]
    assert any("{{history}} is left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{{#unless x}}a{{else}}b{{/unless}}\nc", {"x": 0}, "a\nc"),
        ("{{#if x}}a{{else if y}}b{{else}}c{{/if}}", {"x": 0, "y": 1}, "b"),
        ("{{#with p}}{{name}} of {{../town}}{{/with}}", {"p": {"name": "A"}, "town": "B"}, "A of B"),
        ("{{#each m}}{{@key}}={{this}};{{/each}}", {"m": {"a": 1, "b": 2}}, "a=1;b=2;"),
        ("{{#each xs as |x|}}{{x.n}}{{#if @last}}.{{/if}}{{/each}}", {"xs": [{"n": 1}, {"n": 2}]}, "12."),
        ("{{#each xs}}{{#each this}}{{this}}{{../../z}}{{/each}}{{/each}}", {"xs": [[1], [2]], "z": "-"}, "1-2-"),
        ("{{#ifEquals a 'x'}}1{{else}}2{{/ifEquals}}", {"a": "x"}, "1"),
        ("a {{~x~}} b", {"x": 1}, "a1b"),
        ("a\n  {{! a note }}\nb {{!-- {{x}} --}}c", {}, "a\nb c"),
        ("{{{a.b.[0]}}} \\{{a}}", {"a": {"b": ["<"]}}, "< {{a}}"),
        ("{{json x}}", {"x": [1, "a"]}, '[1, "a"]'),
        ("{# no comment #}", {}, "{# no comment #}"),
    ],
)
def test_handlebars_means_the_same(tmp_path, template, values, text):
    """Each construct renders what Handlebars renders."""
    assert rendered(one(tmp_path, "t.prompt", template), **values) == text


@pytest.mark.parametrize(
    ("template", "place", "told"),
    [
        ("a\n {{#if x}}", (2, 2), "is not closed"),
        ("{{/if}}", (1, 1), "closes no block"),
        ("{{#if x}}{{/each}}", (1, 10), r"\{\{/each\}\} closes \{\{#if\}\}"),
        ("x {{shout name}}", (1, 3), "no helper 'shout'"),
        ("{{first-name}}", (1, 1), "'first-name' cannot be a parameter"),
        ("{{#x}}a{{/x}}", (1, 1), "may be a condition or a loop"),
        ("{{media url=x}}", (1, 1), "no helper 'media'"),
        ("{{#if (and a b)}}x{{/if}}", (1, 1), "takes one value"),
        ("{{=<% %>=}}", (1, 1), "has no like"),
        ("a {{x", (1, 3), "is not closed"),
        ("{{../x}}", (1, 1), "leads out of the template"),
        ("---\ninput: {schema: {x: string}}\n---\n\n{{ }}", (5, 1), "A tag is empty"),
    ],
)
def test_what_has_no_like_is_refused(tmp_path, template, place, told):
    """Nothing is silently wrong: the file, line and column of what cannot be said."""
    with pytest.raises(PromptFileError, match=told) as caught:
        one(tmp_path, "t.prompt", template)
    assert (caught.value.line, caught.value.column) == place


PROMPTY = """\
---
name: Basic Prompt
description: Answers questions
authors: [seth]
model:
  api: chat
  configuration: {type: azure_openai, azure_endpoint: "${env:X}", api_key: secret}
  parameters: {max_tokens: 3000}
inputs:
  firstName: {type: string, description: who, required: true, sample: Jane}
  question: What is the meaning of life?
---
system:
You help {{firstName}}.{% if firstName %} ((kindly)){% endif %}

# Customer
user:
{{question}}
"""


def test_prompty_is_a_message_index(tmp_path):
    """Roles, inputs, defaults and samples are kept; keys and addresses are not."""
    found = one(tmp_path, "basic.prompty", PROMPTY)
    assert (found.name, found.kind) == ("basic", "messages")
    assert found.data["messages"] == [
        {"role": "system", "content": "You help {{firstName}}.{% if firstName %} ((kindly)){% endif %}\n\n# Customer"},
        {"role": "user", "content": "{{question}}"},
    ]
    assert found.data["template_mode"] == "jinja2"
    assert found.data["parameters"] == {
        "firstName": {"type": "string", "description": "who", "required": True},
        "question": {},
    }
    assert found.data["defaults"] == {"question": "What is the meaning of life?"}
    assert found.data["metadata"] == {
        "title": "Basic Prompt",
        "description": "Answers questions",
        "authors": ["seth"],
        "model": {"api": "chat", "parameters": {"max_tokens": 3000}},
        "sample": {"firstName": "Jane"},
    }


def test_prompty_of_mustache_and_other_inputs(tmp_path):
    """Mustache is translated with the types of the inputs; the newer list of inputs is read too."""
    found = one(
        tmp_path,
        "m.prompty",
        "---\ninputSchema:\n  properties:\n  - {name: xs, kind: array}\n  - {name: q, kind: string, default: why}\n"
        "template: {format: mustache, parser: prompty}\n---\nuser:\n{{#xs}}{{.}},{{/xs}}{{^xs}}none{{/xs}} {{{q}}}\n",
    )
    assert found.kind == "user"
    assert rendered(found, xs=[1, 2]) == "1,2, why"
    assert rendered(found, xs=[]) == "none why"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\ninputs: {c: {kind: thread}}\n---\nuser:\nx", "a thread of messages"),
        ("---\ntemplate: liquid\n---\nx", "Templates of 'liquid' are not known"),
        ("---\ninputs: 3\n---\nx", "must map names"),
        ("user:\nfine\n\nassistant:\n {{ x| }}", "line 5, column 2"),
        ("---\nname: x\n---\n", "has no template"),
    ],
)
def test_prompty_that_cannot_be_said_is_refused(tmp_path, text, told):
    """With the reason, and the place where there is one."""
    with pytest.raises(PromptFileError, match=told):
        one(tmp_path, "p.prompty", text)


def test_a_table_is_many_prompts(tmp_path):
    """Known columns by any of their names; the rest is metadata; parentheses without a variable are text."""
    found = import_prompts(
        write(
            tmp_path / "prompts.csv",
            'act,prompt,contributor,type\nLinux Terminal,"Act as ((a)) terminal, please",ada,TEXT\n'
            'mail/reply,"Dear {{name}}((, of {{town}})),\nhello",,system\n',
        )
    )
    assert [(each.kind, each.name) for each in found] == [("user", "linux-terminal"), ("system", "mail/reply")]
    assert found[0].data["metadata"] == {"title": "Linux Terminal", "contributor": "ada", "type": "TEXT"}
    assert rendered(found[0]) == "Act as ((a)) terminal, please"
    assert found[1].data["template_mode"] == "mixed"
    assert found[1].source.endswith("prompts.csv, line 3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2", "line 1, column 1: The table has no column 'name'"),
        ("name,prompt\nx,y,z", "line 2, column 1: The row has 3 fields"),
        ("name,prompt\n!!,a", "has no name"),
        ("name,prompt\nx,{{ y|", "line 2: The text is no template"),
        ('name,prompt\nx,"open', "cannot be read as a table"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, told):
    """With the line of the row."""
    with pytest.raises(PromptFileError, match=told):
        import_prompts(write(tmp_path / "p.csv", text))


def test_a_bad_row_or_file_does_not_refuse_the_others(tmp_path):
    """It is told with its place, and skipped."""
    table = write(tmp_path / "from" / "p.csv", "name,prompt\nx,a\nX,b\ny,{{ z|\nshort\nz,c\n")
    found = import_prompts(table)
    assert [each.name for each in found] == ["x", "z"]
    assert [str(each).partition("p.csv")[2][:60] for each in found.skipped] == [
        ", line 3, column 1: The name 'x' is in line 2 already.",
        ", line 4: The text is no template: line 1, column 1: unexpec",
        ", line 5, column 1: The row has 1 fields, the first one 2.",
    ]
    write(table.parent / "a.prompt", "{{media url=x}}")
    write(table.parent / "x.prompt", "the table's x has its name")
    found = import_prompts(table.parent, tmp_path / "prompts")
    assert [(each.name, each.source.rpartition("/")[2]) for each in found] == [
        ("x", "p.csv, line 2"),
        ("z", "p.csv, line 6"),
    ]
    told = " ".join(map(str, found.skipped))
    assert "no helper 'media'" in told
    assert "is called 'x' already" in told
    assert FileSystemPromptLibrary(tmp_path / "prompts").list_user_prompts() == ["x", "z"]


def test_what_is_to_be_filled_in_is_a_parameter(tmp_path):
    """``${Name:value}`` has its value as default; what a shell writes stays text."""
    text = "Interview for ${Job Title:Developer} (${Job Title:x}) in ${Town:}; ${HOME:-/root} and ${HOME}."
    found = one(tmp_path, "p.csv", f"name,prompt\nx,{text}\n")
    assert found.data["defaults"] == {"Job_Title": "Developer", "Town": ""}
    assert rendered(found) == "Interview for Developer (Developer) in ; ${HOME:-/root} and ${HOME}."
    assert rendered(found, Job_Title="Cook") == "Interview for Cook (Cook) in ; ${HOME:-/root} and ${HOME}."
    assert "is the parameter 'Job_Title' now" in found.notes[0]


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        (
            "a.prompt",
            "---\nmodel: m\nconfig: {temperature: 1}\noutput: {format: json}\n---\nx",
            "model, config, output",
        ),
        ("a.prompty", "---\nmodel: {api: chat}\n---\nuser:\nx", "model"),
    ],
)
def test_settings_of_a_call_are_told_to_change_nothing(tmp_path, file, text, names):
    """They are kept as metadata, which no call looks at, and the import says so."""
    notes = one(tmp_path, file, text).notes
    assert any(f"{file}: {names} stands under 'metadata' now and changes no call" in note for note in notes)
    assert one(tmp_path, "b.prompt", "x").notes == []


def test_a_readme_is_not_imported_as_a_prompt(tmp_path):
    """The library would not find it."""
    with pytest.raises(PromptFileError, match="cannot be called 'readme'"):
        one(tmp_path, "p.csv", "name,prompt\nREADME,x\n")


def test_import_writes_a_library(tmp_path):
    """A folder of files goes into a library that validates; a second run changes nothing, and nothing is replaced."""
    source = tmp_path / "from"
    write(source / "greet.prompt", DOTPROMPT)
    write(source / "sub" / "basic.prompty", PROMPTY)
    write(source / "notes.txt", "no prompt")
    target = tmp_path / "prompts"
    assert [each.name for each in import_prompts(source, target)] == ["greet", "sub/basic"]
    library = FileSystemPromptLibrary(target)
    assert library.list_user_prompts() == ["greet"]
    assert library.list_message_indexes() == ["sub/basic"]
    assert [each for each in library.validate() if each.severity == "error"] == []
    import_prompts(source, library)
    write(source / "greet.prompt", "other")
    write(source / "a.prompt", "new")
    with pytest.raises(PromptFileError, match="is there already"):
        import_prompts(source, library)
    assert library.list_user_prompts() == ["greet"]


def test_there_must_be_something_to_import(tmp_path):
    """A file of another kind and an empty folder are errors that name the endings."""
    with pytest.raises(PromptError, match="cannot be imported") as caught:
        import_prompts(write(tmp_path / "a.txt", "x"))
    assert ".prompty" in caught.value.hint
    with pytest.raises(PromptError, match="nothing to import"):
        import_prompts(tmp_path)


def test_names_stay_in_the_library(tmp_path):
    """A name that leads elsewhere is refused before anything is written."""
    with pytest.raises(PromptFileError, match="cannot be called"):
        import_prompts(write(tmp_path / "a.prompt", "---\nname: ../../x\n---\nhi"), tmp_path / "lib")
    assert not (tmp_path / "lib").exists()


def test_the_least_number_of_items_is_kept(tmp_path):
    """A list that must not be empty is none here either."""
    schema = "{type: object, properties: {tags: {type: array, items: {type: string}, minItems: 2}}}"
    found = one(tmp_path, "tag.prompt", f"---\ninput: {{schema: {schema}}}\n---\n{{{{tags}}}}\n")
    assert found.data["parameters"] == {"tags": {"type": "list", "items": "string", "min_items": 2}}
