"""Libraries in zip files and installed packages, and what ``open_library`` makes of a place."""

from __future__ import annotations

import importlib
import sys
import zipfile

import pytest
from prompts_help import write

from dknb.errors import PromptError, PromptFileError
from dknb.prompts import (
    CompositePromptLibrary,
    ConfigPromptLibrary,
    FileSystemPromptLibrary,
    PackagePromptLibrary,
    PromptBuilder,
    ZipPromptLibrary,
    open_library,
)

FILES = {
    "user/mail/reply.yaml": "extends: base\ntemplate: 'Reply to {{mail}}'\n",
    "user/data.json": '{"template": "j"}',
    "system/base.md": "---\ndefaults: {mail: none}\n---\n{{mail}}",
    "messages/shots.yaml": "messages: [{role: user, content: hi}]",
    "rag/docs.yaml": "adapter_name: d\nquery: q",
    "user/.hidden.yaml": "template: x",
    "README.md": "no prompt",
}


def zipped(path, files, top=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(top + name, text)
    return path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes packages that can be imported, and forgets them."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name, files):
        write(tmp_path / name.replace(".", "/") / "__init__.py", "")
        for path, text in files.items():
            write(tmp_path / name.replace(".", "/") / path, text)
        importlib.invalidate_caches()
        return name

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def check(library):
    """A library with FILES, whatever it lies in."""
    assert library.list_user_prompts() == ["data", "mail/reply"]
    assert library.list_system_prompts() == ["base"]
    assert library.list_message_indexes() == ["shots"]
    assert library.list_rag_configs() == ["docs"]
    assert library.get_rag_config("docs") == {"adapter_name": "d", "query": "q"}
    assert PromptBuilder(library).render_user_prompt("mail/reply").content == "Reply to none"
    assert library.find_prompt("data") is library.find_prompt("data")
    assert library.get_user_prompt("nobody") is None
    assert library.validate() == []


@pytest.mark.parametrize("top", ["", "acme-prompts/"])
def test_a_zip_file_is_a_library(tmp_path, top):
    """Its files lie at its top, or in the one folder there."""
    check(ZipPromptLibrary(zipped(tmp_path / "p.zip", FILES, top)))


def test_a_zip_file_that_is_replaced_is_read_again(tmp_path):
    """The next call has what the file has now."""
    path = zipped(tmp_path / "p.zip", {"user/a.yaml": "template: one"})
    library = ZipPromptLibrary(path)
    assert library.get_user_prompt("a") == {"template": "one"}
    zipped(path, {"user/a.yaml": "template: another", "user/b.yaml": "template: b"})
    assert library.get_user_prompt("a") == {"template": "another"}
    assert library.list_user_prompts() == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["../user/a.yaml", "user/../../a.yaml", "/user/a.yaml", "user\\..\\a.yaml", "C:/user/a.yaml"]
)
def test_a_member_that_leads_out_is_a_problem(tmp_path, name):
    """What would write elsewhere when unpacked is not read and is told; the other members work."""
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "template: x")
        archive.writestr("user/good.yaml", "template: good")
    library = ZipPromptLibrary(path)
    assert library.list_user_prompts() == ["good"]
    assert library.get_user_prompt("good") == {"template": "good"}
    [problem] = library.validate()
    assert "leads out of the archive" in problem


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """Kilobytes that unpack to more than a prompt may be are an error of that prompt; all together, of the archive."""
    path = zipped(tmp_path / "p.zip", {"user/a.yaml": "x" * 20_000_000, "user/b.yaml": "template: b"})
    assert path.stat().st_size < 100_000
    library = ZipPromptLibrary(path)
    assert library.get_user_prompt("b") == {"template": "b"}
    with pytest.raises(PromptFileError, match=r"p\.zip/user/a\.yaml: The file is longer than 10 MB"):
        library.get_user_prompt("a")
    assert [problem.name for problem in library.validate()] == ["a"]
    many = zipped(tmp_path / "q.zip", {f"user/{number}.yaml": "x" * 9_000_000 for number in range(12)})
    [problem] = {str(each) for each in ZipPromptLibrary(many).validate()}
    assert "unpacks to more than a library may hold" in problem


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_other_flaws_of_members_are_told(tmp_path):
    """A member that is there twice, one that does not unpack, and files that look like prompts and are none."""
    path = zipped(tmp_path / "p.zip", {"acme/user/b.YAML": "x", "acme/user/@1.yaml": "template: x"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("acme/user/twice.yaml", "template: one")
        archive.writestr("acme/user/twice.yaml", "template: two")
    library = ZipPromptLibrary(path)
    assert library.list_user_prompts() == ["@1", "twice"]
    told = "\n".join(library.validate())
    assert "b.YAML: It is not read: write its ending '.YAML' as '.yaml'." in told
    assert "twice.yaml: The member 'acme/user/twice.yaml' is there twice." in told
    assert "Behind an '@'" in told


def test_changes_of_an_archive_are_told(tmp_path):
    """The names whose members are others, once."""
    path = zipped(tmp_path / "p.zip", {"user/a.yaml": "template: one", "user/b.yaml": "template: b"})
    library = ZipPromptLibrary(path)
    assert library.changes() == []
    assert library.list_user_prompts() == ["a", "b"]
    zipped(path, {"user/a.yaml": "template: another", "user/b.yaml": "template: b", "user/c.yaml": "template: c"})
    assert library.changes() == ["a", "c"]
    assert library.changes() == []
    path.write_bytes(b"no zip")
    assert library.changes() == []


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_what_is_no_zip_file_is_an_error(tmp_path, data):
    """A broken archive is one error of ours."""
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(PromptFileError, match="cannot be read as a zip file"):
        ZipPromptLibrary(tmp_path / "p.zip").get_user_prompt("a")


def test_problems_in_a_zip_file_have_their_place(tmp_path):
    """The archive, the member, line and column; and a name that two files have."""
    path = zipped(
        tmp_path / "p.zip",
        {
            "user/a.yaml": "template: x\ndefalts: 1",
            "user/b.yaml": "template: x",
            "user/b.json": "{}",
            "user/c.md": "\udce9".encode("utf-8", "surrogateescape"),
        },
    )
    first, second, third = ZipPromptLibrary(path).validate()
    assert first.file.endswith("p.zip/user/a.yaml")
    assert (first.line, first.column) == (2, 1)
    assert "Two files have the name 'b': user/b.json and user/b.yaml" in second
    assert "not UTF-8" in third


@pytest.mark.parametrize("inside", ["", "prompts/", "texts/mail/"])
def test_a_package_is_a_library(package, inside):
    """Its files lie in the package, in prompts/ there, or in a folder that is named."""
    package("acme_prompts", {inside + path: text for path, text in FILES.items()})
    check(PackagePromptLibrary("acme_prompts/texts/mail" if inside == "texts/mail/" else "acme_prompts"))


def test_a_package_in_a_zip_file_is_a_library(tmp_path, monkeypatch):
    """Nothing needs a folder: a package that Python imports from an archive serves its prompts too."""
    files = {f"zipped_acme/{path}": text for path, text in FILES.items()}
    monkeypatch.syspath_prepend(str(zipped(tmp_path / "site.zip", {"zipped_acme/__init__.py": "", **files})))
    try:
        check(PackagePromptLibrary("zipped_acme"))
    finally:
        sys.modules.pop("zipped_acme", None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nobody_has_this", "There is no package 'nobody_has_this'"),
        ("acme.sub", "There is no package 'acme.sub'"),
        ("../x", "names no package"),
        ("acme/../x", "names no package"),
        ("acme/nowhere", "has no folder 'nowhere'"),
        ("json.decoder", "'json.decoder' is a module, not a package"),
        ("os.path", "'os' is a module, not a package"),
        ("breaks", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_what_is_no_package_is_an_error(package, tmp_path, name, told):
    """Whatever a name leads to, the answer is an error of ours."""
    package("acme", {})
    write(tmp_path / "breaks" / "__init__.py", "1 / 0")
    with pytest.raises(PromptError, match=told):
        PackagePromptLibrary(name)


def test_open_library_knows_what_a_place_is(package, tmp_path):
    """A folder, an archive, a package, a library, and several of them; paths are relative to the root."""
    package("acme_prompts", FILES)
    zipped(tmp_path / "p.ZIP", FILES)
    own = ConfigPromptLibrary({"user": {"data": "mine"}})
    assert isinstance(open_library("p.ZIP", tmp_path), ZipPromptLibrary)
    assert isinstance(open_library(tmp_path), FileSystemPromptLibrary)
    assert isinstance(open_library("package:acme_prompts"), PackagePromptLibrary)
    assert open_library(own) is own
    several = open_library([own, "package:acme_prompts", "p.ZIP"], tmp_path)
    assert isinstance(several, CompositePromptLibrary)
    assert several.get_user_prompt("data") == {"template": "mine"}
    assert several.get_system_prompt("base") is not None
    with pytest.raises(PromptError, match="must name one at least"):
        open_library([])
    with pytest.raises(PromptFileError, match="No such file"):
        open_library("nowhere.zip", tmp_path)
    assert open_library("x", tmp_path).prompt_dir == tmp_path / "x"


def test_a_module_is_refused_before_it_runs(package, tmp_path):
    """What is no package is not imported to find that out."""
    write(tmp_path / "shouts.py", "raise SystemExit('it ran')")
    with pytest.raises(PromptError, match="'shouts' is a module, not a package"):
        open_library("package:shouts")
    assert "shouts" not in sys.modules


@pytest.mark.parametrize(
    "spec", ["", " ", "file:///etc", "https://example.org/p.zip", 5, None, [5], ["nowhere"], "nowhere"]
)
def test_what_names_no_library_is_an_error(spec):
    """Nothing that is no place becomes an empty library, nor the working directory."""
    with pytest.raises(PromptError):
        open_library(spec)
