"""The rule of cells, against a small model of it, over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dknb.conversations.manager import ConversationManager
from dknb.conversations.sql import SQLConversationStorage
from dknb.errors import BranchError
from dknb.llm.config import LLMConfig
from dknb.llm.providers.echo import EchoProvider
from dknb.notebook.asking import Question, Talk

CELLS = ("a", "b", "c", "d")
TEXTS = ("one", "two")
REPLIES = ("yes", "no")

RUN = st.tuples(st.just("run"), st.sampled_from(CELLS), st.sampled_from(TEXTS), st.sampled_from(REPLIES))
RESTART = st.tuples(st.just("restart"))
GO = st.tuples(st.just("go"), st.integers(0, 30))
STEPS = st.lists(st.one_of(RUN, RUN, RUN, RESTART, GO), min_size=1, max_size=14)


@dataclass(eq=False)
class Node:
    """A node of the model."""

    text: str
    above: Node | None = None
    below: list[Node] = field(default_factory=list)

    def path(self):
        return (*self.above.path(), self.text) if self.above else ()


class Model:
    """The rule, said again as simply as can be."""

    def __init__(self):
        self.root = Node("")
        self.nodes = [self.root]
        self.restart()

    def restart(self):
        """A new kernel: at the top, nothing counted, no cell known."""
        self.here, self.given, self.answer, self.attached = self.root, set(), {}, {}

    def add(self, text, above):
        node = Node(text, above)
        above.below.append(node)
        self.nodes.append(node)
        return node

    def attachment(self, cell):
        if cell in self.attached:
            return self.attached[cell]
        pointing = [c for c, n in self.answer.items() if n is self.here and c != cell]
        return (pointing[0] if pointing else None, self.here)

    def run(self, cell, text, reply):
        other, above = self.attached[cell] = self.attachment(cell)
        if other is not None:
            above = self.answer[other]
        question = next((n for n in above.below if n.text == text), None) or self.add(text, above)
        same = (n for n in question.below if n.text == reply and n not in self.given)
        answer = next(same, None) or self.add(reply, question)
        self.given.add(answer)
        self.answer[cell] = self.here = answer

    def paths(self):
        return sorted(node.path() for node in self.nodes[1:])


class Kernel:
    """The real thing: a conversation in SQLite, opened anew for each kernel."""

    def __init__(self, folder):
        self.folder = folder
        self.talk = self.storage = None

    async def restart(self):
        if self.storage is not None:
            await self.storage.close()
        self.storage = SQLConversationStorage(self.folder / "dknb.db")
        self.echo = EchoProvider(LLMConfig("echo"))
        if self.talk is None:
            manager = await ConversationManager.create(self.echo, None, self.storage, conversation_id="t")
        else:
            manager = await ConversationManager.resume("t", self.echo, None, self.storage)
        self.talk = Talk(manager)

    async def run(self, cell, text, reply):
        self.echo.set_response_function(lambda messages: reply)
        async for _ in self.talk.ask(Question(text, cell)):
            pass

    def node(self, path_of):
        """The model's node in the real tree: by its ordinals."""
        tree = self.talk.manager.state.message_tree
        for ordinal in path_of:
            tree = tree.children[ordinal]
        return tree

    def paths(self):
        tree = self.talk.manager.state.message_tree
        return sorted(tuple(n.data.message.content for n in node.path()[1:]) for node in tree.walk() if node.parent)


def ordinals(node):
    return () if node.above is None else (*ordinals(node.above), node.above.below.index(node))


async def follow(steps, folder):
    model, kernel = Model(), Kernel(folder)
    await kernel.restart()
    for kind, *rest in steps:
        if kind == "run":
            model.run(*rest)
            await kernel.run(*rest)
        elif kind == "restart":
            model.restart()
            await kernel.restart()
        else:
            answers = [n for n in model.nodes if len(n.path()) % 2 == 0]
            model.here = answers[rest[0] % len(answers)]
            kernel.talk.places.move(kernel.node(ordinals(model.here)), None)
    assert kernel.paths() == model.paths()
    await kernel.restart()
    assert kernel.paths() == model.paths()
    await kernel.storage.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_tree_has_the_paths_that_the_rule_predicts(tmp_path_factory, steps):
    """Whatever is run, edited, restarted and gone to, in whatever order, tree and model have the same paths."""
    asyncio.run(follow(steps, tmp_path_factory.mktemp("store")))


async def kernel_after(folder, *runs):
    kernel = Kernel(folder)
    await kernel.restart()
    for run in runs:
        await kernel.run(*run)
    return kernel


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (("a", "one", "yes"), [("one",), ("one", "yes"), ("one", "yes")]),
        (("a", "two", "yes"), [("one",), ("one", "yes"), ("two",), ("two", "yes")]),
    ],
)
async def test_running_a_cell_again_makes_a_sibling(tmp_path, again, expected):
    """Unchanged text is one more answer to the question; edited text is a question beside it."""
    kernel = await kernel_after(tmp_path, ("a", "one", "yes"), again)
    assert kernel.paths() == expected


async def test_a_cell_stays_attached_to_the_cell_above(tmp_path):
    """A cell that was asked below another cell's answer asks below what that cell points at now."""
    kernel = await kernel_after(tmp_path, ("a", "one", "yes"), ("b", "two", "x"), ("a", "one", "no"), ("b", "two", "x"))
    assert ("one", "no", "two", "x") in kernel.paths()
    assert len(kernel.paths()) == 7


async def test_run_all_in_a_new_kernel_adds_nothing(tmp_path):
    """A new kernel that gets the same answers takes the stored nodes, sample by sample."""
    runs = [("a", "one", "yes"), ("a", "one", "yes"), ("b", "two", "no")]
    kernel = await kernel_after(tmp_path, *runs)
    before = kernel.paths()
    for _ in range(2):
        await kernel.restart()
        for run in runs:
            await kernel.run(*run)
    assert kernel.paths() == before


async def test_a_failed_question_is_answered_where_it_was_asked(tmp_path):
    """A cell whose call failed keeps its question; run again, the answer goes below that."""
    kernel = await kernel_after(tmp_path, ("a", "one", "yes"))

    def fail(messages):
        raise ValueError("no")

    kernel.echo.set_response_function(fail)
    with pytest.raises(ValueError, match="no"):
        async for _ in kernel.talk.ask(Question("two", "b")):
            pass
    await kernel.run("b", "two", "fine")
    assert kernel.paths() == [("one",), ("one", "yes"), ("one", "yes", "two"), ("one", "yes", "two", "fine")]


ASKS = st.lists(
    st.tuples(
        st.sampled_from(TEXTS), st.sampled_from([None, "root", "main", "x"]), st.sampled_from([None, None, "x", "y"])
    ),
    min_size=1,
    max_size=7,
)


async def run_all(kernel, asks, *, ids):
    """Run each cell once, in order; those that ran. One whose branch is not there yet fails."""
    ran = []
    kernel.echo.set_response_function(lambda messages: "yes")
    for number, (text, source, branch) in asks:
        try:
            async for _ in kernel.talk.ask(Question(text, str(number) if ids else None, source, branch)):
                pass
        except BranchError:
            continue
        ran.append((number, (text, source, branch)))
    return ran


async def run_all_again(asks, folder, *, ids):
    kernel = Kernel(folder)
    await kernel.restart()
    asks = await run_all(kernel, list(enumerate(asks)), ids=ids)  # a cell keeps its id, whichever other one failed
    first = kernel.paths()
    for _ in range(2):
        await kernel.restart()
        assert await run_all(kernel, asks, ids=ids) == asks
    again = kernel.paths()
    await kernel.storage.close()
    assert again == first


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks=ASKS, ids=st.booleans())
def test_run_all_adds_nothing_whatever_the_lines_say(tmp_path_factory, asks, ids):
    """With any --from and --branch, a notebook that gets the same answers adds nothing when it is run again."""
    asyncio.run(run_all_again(asks, tmp_path_factory.mktemp("store"), ids=ids))
