"""``%%chat``: ask, show the answer as it streams, and the line of facts below it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from .._sync import Stream, run
from ..conversations.together import CallReply
from ..errors import ConversationNotFound, DknbError, Interrupted, MagicError
from ..llm.config import LLMConfig
from ..llm.messages import LLMResponse
from .arguments import LineParser, split_pairs
from .asking import Question, Talk, cut_response
from .bringing import attachments_named, schema_named, tools_named
from .live import LiveAnswer, show
from .places import Node
from .replying import in_a_row, reply_of, waiting_note
from .session import Session, SystemText
from .several import put_several, questions_on
from .views.answer import Reply, status_bundle
from .views.text import counted, folded, note
from .views.tree import node_label

__all__ = ["CHAT", "chat_cell", "chat_line", "put_question"]

CHAT = LineParser("%%chat", "Ask the model; the cell's text is sent as it is written.")
CHAT.add_argument("settings", nargs="*", metavar="setting=value", help="settings of the model: temperature=0")
CHAT.add_argument("--name", metavar="CONVERSATION", help="the conversation to talk in from now on")
CHAT.add_argument("--from", dest="source", metavar="NODE|BRANCH", help="ask below this node, or at this branch's end")
CHAT.add_argument("--branch", metavar="NAME", help="the branch that the answer goes to; made if there is none")
CHAT.add_argument("--model", metavar="SPEC", help="the model for this cell: openai/gpt-5.4-mini")
CHAT.add_argument("--system", metavar="PROMPT", help="a system prompt: a name in the library, or its text in quotes")
CHAT.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the system prompt")
CHAT.add_argument("--no-rag", action="store_true", help="do not search for the system prompt; its places stay empty")
CHAT.add_argument("--template", action="store_true", help="render the text first, with the notebook's variables")
CHAT.add_argument("--attach", action="append", default=[], metavar="VAR|FILE|URL", help="an image or document to send")
CHAT.add_argument(
    "--schema",
    metavar="VAR|TYPE|FILE|json",
    help="what the answer must be: a pydantic class, list[City], a JSON Schema",
)
CHAT.add_argument("--tools", metavar="VAR", help="the tools that the model may call")
CHAT.add_argument("--result", action="store_true", help="the cell's text is what the tool answered that was called")
CHAT.add_argument("--samples", type=int, metavar="N", help="so many answers, side by side; the first goes on")
CHAT.add_argument(
    "--on",
    action="append",
    default=[],
    metavar="BRANCH,BRANCH",
    help="ask at the ends of these branches (or below these nodes), side by side; may be given again",
)
CHAT.add_argument(
    "--as", dest="bind", metavar="VAR", help="bind the reply (of several: a DataFrame) to a variable (also: >> VAR)"
)

RESUME = LineParser("%chat", "Go back to where the conversation was left.")
RESUME.add_argument("--name", metavar="CONVERSATION", help="the conversation to talk in from now on")
RESUME.add_argument("--resume", action="store_true", help="stand where the conversation was left")


def chat_cell(session: Session, shell: Any, line: str, body: str) -> Reply | list[CallReply]:
    """Run a ``%%chat`` cell.

    Raises:
        MagicError: The line does not parse, or there is nothing to ask.
        ConfigError: The answer above waits for results, or for none (``--result``).
        ProviderError: The call failed.
        Interrupted: The user stopped it.
    """
    options = CHAT.parse(line)
    words, settings = split_pairs(options.settings)
    if words:
        raise MagicError(
            f"%%chat: {words[0]!r} is no option.",
            hint="The question goes into the cell's body; settings are name=value",
        )
    text = body.removesuffix("\n")
    if not text.strip():
        raise MagicError("%%chat: the cell is empty.", hint="Write the question below the %%chat line")
    if options.template:
        from .prompting.rendering import render_text

        text = render_text(session, text)
    _refuse_pairs(options)
    system = _system(session, options)
    config = session.model(options.model, settings)
    question = Question(
        "" if options.result else text,
        session.next_cell(),
        options.source,
        options.branch,
        attached=attachments_named(session.namespace, options.attach),
        overrides=_overrides(session, options),
        result=text if options.result else None,
    )
    with session.conversation_named(options.name or session.home_of(question.cell)):
        if options.on or options.samples is not None:
            questions = questions_on(question, options.on, _branches(session)) if options.on else [question]
            samples = 1 if options.samples is None else options.samples
            return put_several(session, shell, questions, samples, config, system, options.bind)
        return put_question(session, shell, question, config, system, options.bind)


def _branches(session: Session) -> Collection[str]:
    """The names of the branches of the current conversation; none where it is not there yet."""
    try:
        talk = session.existing_talk()
    except ConversationNotFound:
        return ()
    run(talk.refresh())
    return [name for name, branch in talk.manager.state.branches.items() if not branch.deletion]


#: Options that go together with none of the others beside them.
_EXCLUDING = {"result": ("attach",), "on": ("samples", "source", "branch")}


def _system(session: Session, options: Any) -> str | None:
    """What ``--system`` says; rendered already, where ``--param`` or ``--no-rag`` says how."""
    if options.no_rag and options.system is None:
        raise MagicError("%%chat: --no-rag is for a system prompt that searches.", hint="%%chat --system NAME --no-rag")
    if not options.param and not options.no_rag:
        return None if options.system is None else str(options.system)
    words, params = split_pairs(options.param, read=str)
    if words or options.system is None:
        raise MagicError(
            f"%%chat: --param {options.param[0]!r} gives a parameter of a system prompt no value.",
            hint="%%chat --system NAME --param parameter=value",
        )
    return SystemText(session.system_text(options.system, params, include_rag=not options.no_rag))


def _refuse_pairs(options: Any) -> None:
    names = {action.dest: action.option_strings[0] for action in CHAT._actions if action.option_strings}
    for one, others in _EXCLUDING.items():
        for other in others:
            if getattr(options, one) and getattr(options, other):
                raise MagicError(
                    f"%%chat: {names[one]} and {names[other]} exclude each other.",
                    hint="Attach it to a question" if one == "result" else "Ask in two cells",
                )


def _overrides(session: Session, options: Any) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    if options.schema is not None:
        overrides["response_format"] = schema_named(session.namespace, options.schema)
    if options.tools is not None:
        overrides["tools"] = tools_named(session.namespace, options.tools)
    return overrides


def put_question(
    session: Session,
    shell: Any,
    question: Question,
    config: LLMConfig | None = None,
    system: str | None = None,
    bind: str | None = None,
) -> Reply:
    """Ask ``question``, show the answer as it comes, and return it.

    Args:
        session: The kernel's settings.
        shell: IPython, or None in a plain script.
        question: What to ask, and where; its ``system`` is filled in.
        config: The model to ask, instead of the kernel's.
        system: What ``--system`` says: the name of a prompt, or text.
        bind: The variable to bind the reply to, also that of an answer that was cut.

    Raises:
        ProviderError: The call failed.
        Interrupted: The user stopped it.
    """
    text = session.system_text(system) if system is not None else None
    talk = session.talk(system=text)
    with talk.turn:
        talk.manager.llm = session.provider(config or session.config)
        live = LiveAnswer(shell, stream=session.streams())
        if hint := _place_hint(talk, question):
            live.note(note(hint))
        return _stream(talk, replace(question, system=text), live, lambda reply: session.bind(bind, reply))


def _stream(talk: Talk, question: Question, live: LiveAnswer, bind: Callable[[Reply], None]) -> Reply:
    response: LLMResponse | None = None
    waited = len(talk.manager.state.owed)
    stream = Stream(lambda: talk.ask(question))
    try:
        with stream:
            for batch in stream.batches(live.pause):
                response = next((piece.response for piece in batch if piece.response is not None), None)
                live.add("".join([piece.delta for piece in batch]), "".join([piece.reasoning for piece in batch]))
    except KeyboardInterrupt:
        kept = _show_cut(talk, live, bind) is not None
        raise Interrupted(
            "interrupted; what had arrived is kept." if kept else "interrupted; nothing had arrived."
        ) from None
    except DknbError:
        _show_cut(talk, live, bind)
        if told := waiting_note(talk, 0):
            live.note(note(told))
        raise
    node = talk.manager.last_answer
    if response is None or node is None:
        reply = _show_cut(talk, live, bind)
        assert reply is not None
        return reply
    live.finish(response.content)
    reply = reply_of(talk, node, response, talk.places.branch)
    bind(reply)
    _tell(talk, live, node, reply, waited)
    return reply


def _tell(talk: Talk, live: LiveAnswer, node: Node, reply: Reply, waited: int) -> None:
    """The lines below the answer ``node``; ``waited`` is how many answers the store had not taken before it."""
    if reply.reasoning:
        live.note(folded("reasoning", reply.reasoning))
    live.note(status_bundle(reply))
    question = node.parent
    if question is not None and question.parent is not None and (told := in_a_row(question.parent, question.data.role)):
        live.note(note(told))
    if told := waiting_note(talk, waited):
        live.note(note(told))
    if others := talk.others_wrote():
        live.note(
            note(f"another kernel has added {counted(others, 'node')} to this conversation meanwhile; nothing is lost")
        )


def _show_cut(talk: Talk, live: LiveAnswer, bind: Callable[[Reply], None]) -> Reply | None:
    """Show what arrived of an answer that was cut, if anything did."""
    node = talk.manager.last_answer
    if node is None:
        return None
    live.finish(node.data.message.content)
    reply = reply_of(talk, node, cut_response(node), talk.places.branch)
    bind(reply)
    live.note(status_bundle(reply))
    return reply


def chat_line(session: Session, line: str) -> None:
    """Run ``%chat``: say where one stands; ``--resume`` goes to where the conversation was left.

    Raises:
        ConversationNotFound: There is no conversation of that name.
    """
    options = RESUME.parse(line)
    with session.conversation_named(options.name):
        talk = session.existing_talk()
    if options.resume:
        run(talk.resume())
    verb = "resumed " if options.resume else ""
    show(note(f"conversation {talk.name!r}: {verb}{talk.where()}"))


def _place_hint(talk: Talk, question: Question) -> str | None:
    """In a new kernel: that a new cell begins at the top of a conversation that goes on elsewhere."""
    places = talk.places
    if question.cell is None or question.source is not None or question.branch is not None or talk.is_new:
        return None
    if places.position is not places.root or talk.left_at is None:
        return None
    if question.result is not None:
        return None  # it goes below an answer, or nowhere
    if any(child.data.message.content == question.text for child in places.root.children):
        return None  # it goes over known ground, as Run All does
    return (
        f"new kernel: this cell begins at the top of {talk.name!r}; "
        f"%chat --resume goes on at node {node_label(talk.left_at[0])}"
    )
