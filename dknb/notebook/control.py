"""``%dknb``: what is set in this kernel, and setting it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._sync import run
from ..errors import ConfigError, MagicError, did_you_mean
from .arguments import LineParser, split_pairs
from .budgeting import BUDGET, budget_line, limit_rows
from .cassettes import CASSETTE, cassette
from .live import show
from .session import Session
from .storing import SEARCH, STORE, search_line, shown_store, store_line
from .views.table import table_bundle
from .views.text import counted, money, note
from .views.tree import node_label

if TYPE_CHECKING:
    from ..conversations.ledger import CallRecord
    from .asking import Talk

__all__ = ["CONTROL_COMMANDS", "CONTROL_HELP", "control_line"]


def _parser(name: str, description: str) -> LineParser:
    return LineParser(f"%dknb {name}".rstrip(), description)


_STATUS = _parser("status", "Say what is set.")
_MODEL = _parser("model", "Set the model that cells talk to.")
_MODEL.add_argument("words", nargs="+", metavar="SPEC")
_MODEL.usage = "%(prog)s SPEC [setting=value ...]"
_LIBRARY = _parser(
    "library", "Use the prompts in a folder, a zip file or package:NAME; of several the first that has a name."
)
_LIBRARY.add_argument("places", nargs="*", metavar="PLACE")
_CONVERSATION = _parser("conversation", "Talk in another conversation from now on.")
_CONVERSATION.add_argument("name")
_CONVERSATIONS = _parser("conversations", "List the conversations of the store.")
_MODELS = _parser("models", "Say which models can be used, and what is missing for the rest.")
_COSTS = _parser("costs", "Say what calls cost, by model.")
_PROMPTS = _parser("prompts", "List the prompts of the library.")
_LIVE = _parser("live", "Stop recording and replaying.")


def _recorder(mode: str, description: str) -> LineParser:
    parser = _parser(mode, description)
    parser.add_argument("path")
    parser.add_argument("--pace", choices=("instant", "recorded"), default="instant", help="how streams are replayed")
    return parser


_RECORD = _recorder("record", "Call, and record every answer.")
_REPLAY = _recorder("replay", "Answer from the recording alone; what is not in it is an error.")
_AUTO = _recorder("auto", "Answer from the recording, else call and record.")


def control_line(session: Session, line: str) -> None:
    """Run ``%dknb``.

    Raises:
        MagicError: The line does not parse.
        ConfigError: A setting is wrong.
        RecordingError: The recording cannot be used.
    """
    command, _, rest = line.strip().partition(" ")
    command = command or "status"
    if command not in CONTROL_COMMANDS:
        raise MagicError(
            f"%dknb: no command {command!r}.{did_you_mean(command, CONTROL_COMMANDS)}",
            hint=f"Commands: {', '.join(CONTROL_COMMANDS)}",
        )
    parser, do = CONTROL_COMMANDS[command]
    show(do(session, parser.parse(rest)))


def _status(session: Session, _: Any) -> dict[str, Any]:
    recording = session.recording
    rows: list[Sequence[str]] = [
        ("model", _described(session)),
        ("library", f"{_places(session)} ({counted(session.prompt_count, 'prompt')})"),
        ("conversation", session.conversation + _stands(session)),
        ("recording", "off" if recording is None else _recorded(session)),
        ("store", shown_store(session)),
        *limit_rows(session),
    ]
    return table_bundle(("setting", "value"), rows, title="dknb")


def _described(session: Session) -> str:
    config = session.config
    left_out = {"provider", "model", "api_key"}
    settings = {name: value for name, value in config.to_dict().items() if name not in left_out}
    return " ".join([config.spec, *(f"{name}={_harmless(value)}" for name, value in settings.items())])


def _places(session: Session) -> str:
    return " ".join(each if isinstance(each, str) else session.shown(each) for each in session.library_specs)


def _harmless(value: Any) -> Any:
    """A setting without what may be secret in it: the password of an address, what is deep in options."""
    if isinstance(value, dict):
        return {name: "…" if isinstance(item, dict | list | str) else item for name, item in value.items()}
    return re.sub(r"//[^/@]*@", "//…@", value) if isinstance(value, str) else value


def _stands(session: Session) -> str:
    talk = session.open_talk
    if talk is None:
        return ""
    return f", {talk.where()}"


def _recorded(session: Session) -> str:
    recording = session.recording
    assert recording is not None
    facts = recording.summary()
    return f"{facts.mode} {facts.path.name}: {counted(facts.entries, 'entry')}, {facts.answered} answered, {facts.added} added"


def _model(session: Session, options: Any) -> dict[str, Any]:
    words, settings = split_pairs(options.words)
    if len(words) > 1:
        raise MagicError(
            f"%dknb model: one model at a time, not {' '.join(words)!r}.",
            hint="Settings are name=value: temperature=0.2",
        )
    session.config = session.model(words[0] if words else None, settings)
    return note(f"model: {_described(session)}")


def _library(session: Session, options: Any) -> dict[str, Any]:
    if not options.places:
        return note(f"library: {_places(session)} ({counted(session.prompt_count, 'prompt')})")
    places: list[str | Path] = []
    for place in options.places:
        path = Path(place).expanduser()
        if not place.startswith("package:") and not path.exists():
            noun = "zip file" if path.suffix.lower() == ".zip" else "folder"
            raise ConfigError(
                f"There is no {noun} {place!r}.",
                hint="Name the folder or .zip file that holds system/ and user/, or package:NAME",
            )
        places.append(place if place.startswith("package:") else path.resolve())
    session.set_library(*places)
    return note(f"library: {' '.join(options.places)} ({counted(session.prompt_count, 'prompt')})")


def _prompts(session: Session, _: Any) -> dict[str, Any]:
    from .frames import prompts_frame
    from .prompting.listing import prompt_rows

    bundle: dict[str, Any] = prompts_frame(prompt_rows(session))._repr_mimebundle_()
    return bundle


def _conversation(session: Session, options: Any) -> dict[str, Any]:
    session.use_conversation(options.name)
    talk = session.open_talk
    known = [each["conversation_id"] for each in run(session.storage.list_conversations())]
    if talk is not None:
        return note(f"conversation {options.name!r}: {talk.where()}")
    if options.name not in known:
        return note(f"conversation {options.name!r}: new: it begins with the next %%chat")
    return note(f"conversation {options.name!r}: {_entered(session.existing_talk())}")


def _entered(talk: Talk) -> str:
    """Where a kernel is in a conversation that it has just opened."""
    if talk.left_at is None:
        return talk.where()
    node, branch = talk.left_at
    on = f" on {branch}" if branch is not None else ""
    return (
        f"its cells find their places again, and new ones begin at the top; "
        f"it was left at node {node_label(node)}{on}: %chat --resume goes on there"
    )


def _conversations(session: Session, _: Any) -> dict[str, Any]:
    rows = [
        (str(each["conversation_id"]), str(each["nodes"]), f"{each['updated_at']:%Y-%m-%d %H:%M} UTC")
        for each in run(session.storage.list_conversations())
    ]
    return table_bundle(("conversation", "nodes", "last written"), rows, title="conversations")


def _models(_: Session, __: Any) -> dict[str, Any]:
    from ..llm.providers.availability import usable_models

    rows = [
        (each.provider, "yes" if each.usable else "no", each.reason, each.hint, _names(each.models))
        for each in run(usable_models())
    ]
    return table_bundle(("provider", "usable", "why", "what to do", "models"), rows, title="models")


def _names(models: Sequence[str]) -> str:
    return ", ".join(models[:5]) + (f", … ({len(models)})" if len(models) > 5 else "")


#: How calls end that the vendor may charge for.
_PAID = ("complete", "incomplete", "cancelled", "CallTimeout")


def _may_have_cost(call: CallRecord) -> bool:
    """Whether the vendor may charge for a call; of one without a connection, where something had arrived."""
    arrived = call.node_seq is not None or bool(call.completion_tokens) or bool(call.cost_usd)
    return call.outcome in _PAID or (call.outcome == "ConnectionFailed" and arrived)


def _costs(session: Session, _: Any) -> dict[str, Any]:
    sums: dict[str, list[float]] = {}
    unknown: dict[str, int] = {}
    for call in run(session.storage.list_calls()):
        if not _may_have_cost(call):
            continue
        name = f"{call.provider}/{call.model}" if call.model else str(call.provider)
        sums.setdefault(name, []).append(call.cost_usd or 0.0)
        unknown[name] = unknown.get(name, 0) + (call.cost_usd is None)
    rows = [
        (name, str(len(costs)), money(sum(costs)) + (f" + {unknown[name]} of unknown price" if unknown[name] else ""))
        for name, costs in sorted(sums.items())
    ]
    return table_bundle(("model", "calls", "price"), rows, title="costs in this project")


def _use(mode: Any) -> Callable[[Session, Any], dict[str, Any]]:
    def use_recording(session: Session, options: Any) -> dict[str, Any]:
        from ..llm.recordings.recording import Recording, use

        before = session.recording
        path = Path(options.path).expanduser().absolute()
        if before is not None and (before.path, before.mode, before.pace) == (path, mode, options.pace):
            return note(f"recording: {_recorded(session)}")  # run again: the samples are not counted anew
        recording = Recording(options.path, mode, options.pace)
        if (before := use(recording)) is not None:
            before.close()
        echo = "; echo itself is never recorded, it answers the same again" if session.config.provider == "echo" else ""
        return note(f"recording: {_recorded(session)}{echo}")

    return use_recording


def _live(session: Session, _: Any) -> dict[str, Any]:
    session.stop_recording()
    return note("recording: off; models are called")


_Command = Callable[[Session, Any], dict[str, Any]]
CONTROL_COMMANDS: dict[str, tuple[LineParser, _Command]] = {
    "status": (_STATUS, _status),
    "model": (_MODEL, _model),
    "models": (_MODELS, _models),
    "library": (_LIBRARY, _library),
    "prompts": (_PROMPTS, _prompts),
    "conversation": (_CONVERSATION, _conversation),
    "conversations": (_CONVERSATIONS, _conversations),
    "search": (SEARCH, search_line),
    "store": (STORE, store_line),
    "record": (_RECORD, _use("record")),
    "replay": (_REPLAY, _use("replay")),
    "auto": (_AUTO, _use("auto")),
    "live": (_LIVE, _live),
    "costs": (_COSTS, _costs),
    "cassette": (CASSETTE, cassette),
    "budget": (BUDGET, budget_line),
}

CONTROL_HELP = "\n".join(
    f"{' '.join(parser.format_usage().split()[1:])}\n    {parser.description}"
    for parser, _ in CONTROL_COMMANDS.values()
)
