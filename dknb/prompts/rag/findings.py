"""What one render retrieves: which text each placeholder becomes, what is still to be searched for, and the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import RAGError
from ...templates.types import Rendered
from ..library import fresh
from .marks import ResultMarks, Span
from .passages import CountTokens, PassagePart, Passages, estimated_tokens, passages_of, source_of
from .retrieval import Retrieval, SearchQuestion
from .search import Answer, results_of, time_now

__all__ = ["Findings", "Retrieving"]

#: How often one render may search; prompts that it refers to may make more than one round of it.
MAX_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Retrieving:
    """How a call retrieves.

    Attributes:
        cached: The ``rag_metadata`` of an earlier render.
        strict: A failure is a ``RAGError``, no warning.
        count_tokens: How many tokens a text has, for budgets.
        answers: What was searched for already.
        rounds: How often it was.
    """

    cached: Mapping[str, Any] | None = None
    strict: bool = False
    count_tokens: CountTokens = estimated_tokens
    answers: Mapping[object, Answer] = field(default_factory=dict)
    rounds: int = 0

    def answered(self, answers: Mapping[Any, Answer]) -> Retrieving:
        """The same, with these answers too.

        Raises:
            RAGError: It does not come to an end.
        """
        if self.rounds >= MAX_ROUNDS:
            raise RAGError(
                f"Retrieval was done {MAX_ROUNDS} times for one prompt, and its queries are still new.",
                hint="A query must be the same in each render: current_datetime is not; take current_date.",
            )
        return replace(self, answers={**self.answers, **answers}, rounds=self.rounds + 1)


class Findings:
    """What one render retrieves.

    Attributes:
        needed: Questions without an answer yet.
        records: What ``rag_metadata`` holds, by placeholder.
        warnings: What failed, and what had no room.
        reused: Whether anything was taken from an earlier search.
    """

    def __init__(self, how: Retrieving, marks: ResultMarks | None = None) -> None:
        self._how = how
        self._marks = marks
        self._keys: dict[object, str] = {}
        self.needed: dict[object, SearchQuestion] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.warnings: list[str] = []
        self.reused = False

    def text(self, retrieval: Retrieval, query: Rendered, header: str) -> str:
        """What the placeholder becomes; nothing as long as its question has no answer.

        Raises:
            RAGError: It failed, and the call is strict.
            TemplateError: The template of a result cannot be rendered.
        """
        question = retrieval.question(query.text)
        answer = self._answer(retrieval, question, query, header)
        if answer is None:
            self.needed[question.key] = question
            return ""
        passages = self._passages(retrieval, answer, header)
        key = self._recorded(retrieval, question, answer, header, passages)
        return self._marks.marked(key, passages) if self._marks is not None else passages.text

    def place(self, spans: Sequence[Span], **facts: Any) -> None:
        """Put down where results are in the text; ``facts`` say which text, where there are several."""
        for span in spans:
            if (record := self.records.get(span.key)) is None:
                continue
            result = record["results"][span.result]
            place = {"result": span.result, "start": span.start, "end": span.end}
            record["spans"].append({**place, "score": result.get("score"), "source": source_of(result), **facts})

    def _answer(self, retrieval: Retrieval, question: SearchQuestion, query: Rendered, header: str) -> Answer | None:
        if query.missing:
            return Answer(
                timestamp=time_now(), error=f"its query needs {', '.join(map(repr, query.missing))}, which has no value"
            )
        found = self._how.answers.get(question.key)
        return found or _remembered(self._how.cached or {}, retrieval, question, header)

    def _passages(self, retrieval: Retrieval, answer: Answer, header: str) -> Passages:
        passages = passages_of(retrieval, answer.results, header, self._how.count_tokens)
        if answer.formatted is not None and answer.formatted != passages.text:
            return Passages((PassagePart(answer.formatted, None),))
        return passages

    def _recorded(
        self, retrieval: Retrieval, question: SearchQuestion, answer: Answer, header: str, passages: Passages
    ) -> str:
        """The name under which it is in the record."""
        same = (
            retrieval.placeholder,
            question.key,
            header,
            retrieval.item_template,
            retrieval.config.get("max_tokens"),
        )
        if same in self._keys:
            return self._keys[same]
        key = self._keys[same] = _unused(retrieval, self.records)
        self.reused = self.reused or answer.reused is not None
        self.records[key] = _record(retrieval, question, answer, header, passages)
        self._warn(key, question, answer)
        if passages.dropped:
            many, of, most = len(passages.dropped), len(answer.results), retrieval.config["max_tokens"]
            self.warnings.append(
                f"Retrieval for {key!r}: {many} of {of} results dropped, lowest scores first, to stay within {most} tokens."
            )
        return key

    def _warn(self, key: str, question: SearchQuestion, answer: Answer) -> None:
        if answer.error is None:
            return
        message = f"Retrieval for {key!r} from {question.adapter_name!r} failed: {answer.error}"
        if self._how.strict:
            raise RAGError(
                message,
                adapter_name=question.adapter_name,
                placeholder=key,
                query=question.query,
                hint="Correct it, or render with include_rag=False.",
            )
        self.warnings.append(message)


def _unused(retrieval: Retrieval, taken: Mapping[str, object]) -> str:
    number = 1
    key = retrieval.placeholder
    while key in taken:
        number += 1
        key = f"{retrieval.placeholder}#{number}"
    return key


def _remembered(
    cached: Mapping[str, Any], retrieval: Retrieval, question: SearchQuestion, header: str
) -> Answer | None:
    """The answer in an earlier render's metadata; None when it holds none to this question."""
    wanted = {"query_hash": question.query_hash, "k": question.k, "filters": question.filters}
    for key, entry in cached.items():
        if (
            key.split("#")[0] == retrieval.placeholder
            and isinstance(entry, Mapping)
            and "query_hash" in entry
            and not entry.get("error")
            and all(entry.get(name, value) == value for name, value in wanted.items())
            and entry.get("min_score") == question.min_score
        ):
            return _as_answer(entry, _made_alike(entry, retrieval, header))
    return None


def _made_alike(entry: Mapping[str, Any], retrieval: Retrieval, header: str) -> bool:
    """Whether the text of an earlier render is what this one would make of the same results."""
    return (
        entry.get("header") in (None, header)
        and entry.get("item_template") in (None, retrieval.item_template)
        and entry.get("max_tokens") == retrieval.config.get("max_tokens")
    )


def _as_answer(entry: Mapping[str, Any], alike: bool) -> Answer | None:
    formatted = entry.get("formatted_content") if alike else None
    if not isinstance(formatted, str):
        formatted = None
    try:
        results = results_of(entry.get("results"))
    except TypeError:
        if formatted is None:
            return None
        results = []
    return Answer(tuple(results), str(entry.get("timestamp", "")), reused="cached_rag", formatted=formatted)


def _record(
    retrieval: Retrieval, question: SearchQuestion, answer: Answer, header: str, passages: Passages
) -> dict[str, Any]:
    results = [fresh(dict(result)) for result in answer.results]
    record = {
        "adapter_name": question.adapter_name,
        "query": question.query,
        "query_hash": question.query_hash,
        "k": question.k,
        "filters": fresh(question.filters),
        "timestamp": answer.timestamp,
        "results": results,
        "formatted_content": passages.text,
        "item_template": retrieval.item_template,
        "header": header,
        "reused": answer.reused,
        "spans": [],
        "dropped": [
            {"result": index, "score": results[index].get("score"), "source": source_of(results[index])}
            for index in passages.dropped
        ],
    }
    if "max_tokens" in retrieval.config:
        record["max_tokens"] = retrieval.config["max_tokens"]
    if question.min_score is not None:
        record["min_score"] = question.min_score
    if answer.error is not None:
        record["error"] = answer.error
    return record
