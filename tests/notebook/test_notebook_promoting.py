"""``%prompts promote``: a version that a plain name serves instead of its file, and when it ends."""

from __future__ import annotations

import pytest

import dknb
from dknb.errors import MagicError, PromptError, PromptNotFound


@pytest.fixture
def critique(notebook, project):
    """A prompt that was saved twice: version 1.0.0, and 1.0.1 as it is in the file."""
    notebook.ok("%%prompt critique --save\nOne {{x}}")
    notebook.ok("%%prompt critique --save\nTwo {{x}}")
    notebook.file = project / "prompts" / "user" / "critique.md"
    if not notebook.file.exists():
        [notebook.file] = (project / "prompts" / "user").glob("critique.*")
    return notebook


def rendered(notebook):
    return dknb.prompt("critique")(x=1).content


def test_a_promoted_version_is_what_the_name_serves(critique):
    """Magics, functions and conversations use it from then on, and one line says so."""
    assert rendered(critique) == "Two 1"
    said = critique.ok("%prompts promote critique@1.0.0")
    assert said == (
        f"critique: version 1.0.0 is used from now on, until prompts/user/{critique.file.name} changes or another version "
        "is promoted"
    )
    assert rendered(critique) == "One 1"
    assert critique.ok("x = 5\n%prompt critique").startswith("One 5")
    assert dknb.chat("Why?", system="critique").content
    assert critique.talk.manager.state.message_tree.data.message.content == "One 5"
    builder = critique.session.renderer
    assert builder.render_user_prompt("critique", params={"x": 2}).content == "One 2"


def test_an_edited_file_is_used_again(critique):
    """The promise that an edited file is used by the next cell stands above a promotion."""
    critique.ok("%prompts promote critique@1.0.0")
    critique.file.write_text(critique.file.read_text().replace("Two", "Three"))
    shown = critique.ok("x = 1\n%prompt critique")
    assert "changed on disk, used as it is now: critique (no longer version 1.0.0)" in shown
    assert rendered(critique) == "Three 1"
    critique.file.write_text(critique.file.read_text().replace("Three", "Two"))
    assert "changed on disk, used as it is now: critique\n" in critique.ok("%prompt critique") + "\n"
    assert rendered(critique) == "Two 1"


def test_a_saved_cell_is_used_again(critique):
    """Also one that says what the file said already."""
    critique.ok("%prompts promote critique@1.0.0")
    said = critique.ok("%%prompt critique --save\nTwo {{x}}")
    assert "it is used from now on, no longer version 1.0.0" in said
    assert rendered(critique) == "Two 1"
    assert "no longer" not in critique.ok("%%prompt critique --save\nTwo {{x}}")
    critique.ok("%prompts promote critique@1.0.0")
    assert "no longer version 1.0.0" in critique.ok("%%prompt critique --save\nThree {{x}}")
    assert rendered(critique) == "Three 1"


def test_the_next_promotion_takes_over_and_back_ends_it(critique):
    """By number, by how it begins, and back to the file."""
    critique.ok("%prompts promote critique@1.0.0")
    assert "version 1.0.1 is used" in critique.ok("%prompts promote critique@1")
    assert rendered(critique) == "Two 1"
    critique.ok("%prompts promote critique@1.0.0")
    assert "is used from now on, no longer version 1.0.0" in critique.ok("%prompts promote critique --back")
    assert rendered(critique) == "Two 1"
    refused = critique.run("%prompts promote critique --back")
    assert isinstance(refused.error, PromptError)
    assert str(refused.error) == "No version of 'critique' was promoted."


def test_the_list_shows_which_version_serves(critique):
    """The version's number in the table, and the word beside it in its view."""
    critique.ok("%prompts promote critique@1.0.0")
    frame = critique.shell.run_line_magic("prompts", "")
    assert frame["version"].tolist() == ["1.0.0"]
    assert "1.0.0 promoted" in critique.ok("%prompts --as t")
    critique.ok("%prompts promote critique --back")
    assert "promoted" not in critique.ok("%prompts --as t")


def test_another_kernel_is_told(critique):
    """A kernel that begins, or that another one promotes under, says once what is promoted."""
    from dknb.notebook.prompting.listing import changes_told
    from dknb.notebook.session import Session

    other = Session({})
    other.library.list_user_prompts()
    assert changes_told(other) is None
    critique.ok("%prompts promote critique@1.0.0")
    assert changes_told(other) == "promoted, used instead of what the file says: critique@1.0.0"
    assert changes_told(other) is None
    assert "promoted" not in critique.ok("x = 1\n%prompt critique")


def test_a_version_that_is_not_there_is_named(critique):
    """With those that are."""
    refused = critique.run("%prompts promote critique@7")
    assert isinstance(refused.error, PromptNotFound)
    assert str(refused.error) == "Prompt 'critique' has no version '7'."
    assert refused.error.hint == "Its versions: 1.0.1, 1.0.0"
    refused = critique.run("%prompts promote critique")
    assert isinstance(refused.error, MagicError)
    assert refused.error.hint == "%prompts promote critique@1.0.1; its versions: 1.0.1, 1.0.0"
    refused = critique.run("%prompts promote critik@1.0.0")
    assert isinstance(refused.error, PromptNotFound)
    assert "Did you mean 'critique'?" in str(refused.error)


def test_a_system_prompt_is_promoted(notebook):
    """The user prompt of the same name stays."""
    notebook.ok("%%prompt both --save\nuser")
    notebook.ok("%%prompt both --system --save\nsystem 1")
    notebook.ok("%%prompt both --system --save\nsystem 2")
    notebook.ok("%prompts promote both@1.0.0 --system")
    assert dknb.prompt("both", kind="system")().content == "system 1"
    assert dknb.prompt("both")().content == "user"


def test_a_promoted_version_is_edited_as_it_is_served(critique):
    """``%prompts show`` and ``edit`` have its text; saving the cell makes it the file."""
    critique.ok("%prompts promote critique@1.0.0")
    assert "One {{x}}" in critique.ok("%prompts show critique")
    critique.ok("%prompts edit critique")
    critique.ok("%%prompt critique --save\nOne {{x}}")
    assert "One" in critique.file.read_text()
    assert rendered(critique) == "One 1"


def test_versions_complete(critique):
    """Behind the command stand names, and behind ``NAME@`` its versions."""
    complete = critique.shell.Completer.completions
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        line = "%prompts promote critique@"
        assert {"critique@1.0.0", "critique@1.0.1"} <= {each.text for each in complete(line, len(line))}


def test_experiments_are_listed(critique):
    """A row for each variant, as a DataFrame; before there are any, what begins one."""
    from dknb._sync import run
    from dknb.prompts.versioning import PromptVariant

    assert "There are no online A/B experiments" in critique.ok("%prompts ab --as t")
    tests = critique.session.library.ab_test_manager
    experiment = run(tests.create_experiment("critique", "user", [PromptVariant("1.0.0"), PromptVariant("1.0.1")]))
    arm = run(tests.get_variant_for_user(experiment, "ada"))
    assert rendered(critique) == "Two 1"
    frame = critique.shell.run_line_magic("prompts", "ab")
    assert frame.set_index("variant")["users"].to_dict() == {"1.0.0": 0, "1.0.1": 0} | {arm: 1}
    assert "0.5" in critique.ok("%prompts ab critique --as t")
