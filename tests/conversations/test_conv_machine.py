"""Whatever two people do with one conversation, in any order, it is what thirty lines of lists say it is."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dknb.conversations import (
    ConversationManager,
    ConversationStorage,
    MemoryConversationStorage,
    SQLConversationStorage,
    calculate_node_id,
    get_node_by_id,
)

WHO = st.integers(0, 1)
PICK = st.integers(0, 10_000)


class Model:
    """Nodes are ``[parent, text, deletion, labels]`` in the order of writing; a branch is ``[head, deletion]``."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = [[None, "be kind", 0, set()]]
        self.branches: dict[str, list[int]] = {"main": [0, 0]}
        self.at: list[list[Any]] = [[0, "main"], [0, "main"]]
        self.left: list[Any] = [0, "main"]
        self.deletions = 0

    def up(self, node: int | None) -> list[int]:
        return [] if node is None else [node, *self.up(self.nodes[node][0])]

    def below(self, top: int) -> list[int]:
        return [node for node in range(len(self.nodes)) if top in self.up(node)]

    def shown(self, node: int) -> bool:
        return not any(self.nodes[each][2] for each in self.up(node))

    def branch_at(self, who: int, node: int) -> str | None:
        names = [name for name, (head, deletion) in self.branches.items() if head == node and not deletion]
        return self.at[who][1] if self.at[who][1] in names else next(iter(names), None)

    def go(self, who: int, node: int, branch: str | None) -> None:
        self.at[who] = [node, branch]
        self.left = [node, branch]

    def add(self, parent: int, text: str) -> int:
        self.nodes.append([parent, text, 0, set()])
        return len(self.nodes) - 1

    def say(self, who: int, text: str, branch: str | None = None) -> None:
        new, branch = self.add(self.at[who][0], text), branch or self.at[who][1]
        if branch is not None:
            self.branches.setdefault(branch, [new, 0])[0] = new
        self.go(who, new, branch)

    def pick(self, who: int, source: int, onto: int) -> None:
        branch = self.branch_at(who, onto)
        follows = self.at[who] == [onto, branch]
        new = self.add(onto, self.nodes[source][1])
        if branch is not None:
            self.branches[branch][0] = new
        if follows:
            self.go(who, new, branch)

    def delete(self, who: int, top: int) -> None:
        self.deletions += 1
        gone, parent = self.below(top), self.nodes[top][0]
        mine = self.at[who][1] if self.at[who][1] and self.branches[self.at[who][1]][0] in gone else None
        if self.at[who][0] in gone:
            self.go(who, parent, mine or self.branch_at(who, parent))
        for name, branch in self.branches.items():
            if branch[0] in gone and not branch[1]:
                branch[:] = [parent, 0] if name == mine else [branch[0], self.deletions]
        for node in gone:
            self.nodes[node][2] = self.nodes[node][2] or self.deletions

    def undelete(self, node: int) -> None:
        deletion = next(self.nodes[each][2] for each in self.up(node) if self.nodes[each][2])
        for each in range(len(self.nodes)):
            if self.nodes[each][2] == deletion or each in self.up(node):
                self.nodes[each][2] = 0
        for branch in self.branches.values():
            branch[1] = 0 if branch[1] == deletion else branch[1]

    def come_back(self, who: int) -> None:
        self.at[who] = list(self.left)

    def leave_what_is_lost(self) -> None:
        for at in self.at:
            at[1] = at[1] if at[1] and not self.branches[at[1]][1] else None
            hidden = [node for node in self.up(at[0]) if self.nodes[node][2]]
            if hidden:
                at[0] = self.nodes[hidden[-1]][0]
                at[1] = at[1] if at[1] and self.branches[at[1]][0] == at[0] else None


class Machine(RuleBasedStateMachine):
    """Two managers on one conversation, and the model of both."""

    def make_storage(self) -> ConversationStorage:
        return MemoryConversationStorage()

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.storage = self.make_storage()
        self.model = Model()
        self.said = 0
        llm = ScriptedModel()
        first = self.run(
            ConversationManager.create(llm, None, self.storage, conversation_id="c", system_prompt="be kind")
        )
        second = self.run(ConversationManager.resume("c", llm, None, self.storage))
        self.managers = [first, second]

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def node(self, pick: int, *, shown: bool = True, root: bool = True) -> int:
        nodes = [n for n in range(len(self.model.nodes)) if self.model.shown(n) == shown and (root or n)]
        return nodes[pick % len(nodes)]

    def tree(self, who: int, node: int) -> Any:
        return self.managers[who].state.stored[node]

    def text(self) -> str:
        self.said += 1
        return f"text {self.said}"

    def has(self, *, shown: bool) -> bool:
        return any(self.model.shown(n) == shown for n in range(1, len(self.model.nodes)))

    @rule(who=WHO)
    def add(self, who: int) -> None:
        text = self.text()
        self.run(self.managers[who].add_message(content=text))
        self.model.say(who, text)

    @rule(who=WHO, name=st.sampled_from([None, "x", "y"]))
    def complete(self, who: int, name: str | None) -> None:
        if name is not None and self.model.branches.get(name, [0, 0])[1]:
            return
        said = self.model.nodes[self.model.at[who][0]][1]
        self.run(self.managers[who].complete(branch_name=name))
        self.model.say(who, f"re: {said}", name)

    @rule(who=WHO, pick=PICK)
    def switch(self, who: int, pick: int) -> None:
        node = self.node(pick)
        self.run(self.managers[who].switch_to_node(calculate_node_id(self.tree(who, node))))
        self.model.go(who, node, self.model.branch_at(who, node))

    @rule(who=WHO, pick=PICK)
    def branch(self, who: int, pick: int) -> None:
        name, node = f"b{len(self.model.branches)}", self.node(pick)
        self.run(self.managers[who].create_branch(name, at=self.tree(who, node)))
        self.model.branches[name] = [node, 0]
        self.model.go(who, node, name)

    @precondition(lambda self: self.has(shown=True))
    @rule(who=WHO, pick=PICK)
    def branch_from(self, who: int, pick: int) -> None:
        node = self.node(pick, root=False)
        self.run(self.managers[who].branch_from(self.tree(who, node)))
        parent = self.model.nodes[node][0]
        self.model.go(who, parent, self.model.branch_at(who, parent))

    @precondition(lambda self: self.has(shown=True))
    @rule(who=WHO, pick=PICK)
    def edit(self, who: int, pick: int) -> None:
        node, text = self.node(pick, root=False), self.text()
        self.run(self.managers[who].edit(self.tree(who, node), text))
        self.model.go(who, self.model.add(self.model.nodes[node][0], text), None)

    @precondition(lambda self: self.has(shown=True))
    @rule(who=WHO, pick=PICK)
    def delete(self, who: int, pick: int) -> None:
        node = self.node(pick, root=False)
        self.run(self.managers[who].delete(self.tree(who, node)))
        self.model.delete(who, node)

    @precondition(lambda self: self.has(shown=False))
    @rule(who=WHO, pick=PICK)
    def undelete(self, who: int, pick: int) -> None:
        node = self.node(pick, shown=False)
        self.run(self.managers[who].undelete(self.tree(who, node)))
        self.model.undelete(node)

    @precondition(lambda self: self.has(shown=True))
    @rule(who=WHO, source=PICK, onto=PICK)
    def cherry_pick(self, who: int, source: int, onto: int) -> None:
        chosen, below = self.node(source, root=False), self.node(onto)
        self.run(self.managers[who].cherry_pick(self.tree(who, chosen), self.tree(who, below)))
        self.model.pick(who, chosen, below)

    @rule(who=WHO, pick=PICK, name=st.sampled_from(["good", "bad"]), on=st.booleans())
    def label(self, who: int, pick: int, name: str, on: bool) -> None:
        node = self.node(pick)
        manager = self.managers[who]
        self.run((manager.label if on else manager.unlabel)(self.tree(who, node), name))
        (self.model.nodes[node][3].add if on else self.model.nodes[node][3].discard)(name)

    @rule(who=WHO)
    def resume(self, who: int) -> None:
        self.managers[who] = self.run(ConversationManager.resume("c", ScriptedModel(), None, self.storage))
        self.model.come_back(who)

    @invariant()
    def both_see_what_the_model_says(self) -> None:
        if not hasattr(self, "managers"):
            return
        self.model.leave_what_is_lost()
        for who, manager in enumerate(self.managers):
            self.run(manager.refresh())
            state, expected = manager.state, self.model
            rows = [
                [None if tree.parent is None else tree.parent.data.seq, tree.data.message.content, tree.data.hidden]
                for tree in state.stored
            ]
            assert rows == [[parent, text, deletion > 0] for parent, text, deletion, _ in expected.nodes]
            assert [tree.data.labels for tree in state.stored] == [labels for *_, labels in expected.nodes]
            heads = {name: [branch.head.data.seq, branch.deletion > 0] for name, branch in state.branches.items()}
            assert heads == {name: [head, deletion > 0] for name, (head, deletion) in expected.branches.items()}
            assert [state.current.data.seq, state.current_branch] == expected.at[who]
            texts = [expected.nodes[node][1] for node in reversed(expected.up(expected.at[who][0]))]
            assert [message.content for message in manager.history] == texts
            names = [name for name, (_, deletion) in expected.branches.items() if not deletion]
            assert self.run(manager.get_branch_names()) == names

    @invariant()
    def the_tree_is_sound(self) -> None:
        for manager in getattr(self, "managers", ()):
            root = manager.state.message_tree
            walked = list(root.walk())
            assert {id(tree) for tree in walked} == {id(tree) for tree in manager.state.stored}
            for tree in walked:
                assert [child.ordinal for child in tree.children] == list(range(len(tree.children)))
                assert all(child.parent is tree and child.depth == tree.depth + 1 for child in tree.children)
                assert get_node_by_id(root, tree.data.node_id) is tree

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.storage.close())
            self.runner.close()


class MachineOnDisk(Machine):
    """The same on SQLite."""

    def make_storage(self) -> ConversationStorage:
        self.folder = tempfile.TemporaryDirectory()
        return SQLConversationStorage(Path(self.folder.name, "store.db"))

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.mark.parametrize(("machine", "examples"), [(Machine, 150), (MachineOnDisk, 30)], ids=["memory", "sqlite"])
def test_any_sequence_of_operations_equals_the_model(machine: type[Machine], examples: int) -> None:
    """Two managers at once, thirty steps at a time: tree, deletions, labels, branches, positions and histories."""
    how = settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=QUIET)
    run_state_machine_as_test(machine, settings=how)  # type: ignore[no-untyped-call]  # Hypothesis gives no type
