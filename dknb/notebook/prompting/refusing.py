"""What keeps a rendered prompt from being sent: holes, values that are not of their type, a search that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidParameters, MissingParameters, RAGError

if TYPE_CHECKING:
    from .rendered import PromptRender

__all__ = ["refuse_unfit"]


def refuse_unfit(rendered: PromptRender, where: str = "on the line") -> None:
    """Let no prompt go to a model that is not what its author meant, unless it says itself that it does not matter.

    Args:
        rendered: The prompt.
        where: Where the one who sends it gives values.

    Raises:
        MissingParameters: It has holes.
        InvalidParameters: Values are not of the type that it declares.
        RAGError: A search for it failed, which no prompt can forgive: ``--no-rag`` says that none is wanted.
    """
    name, metadata = rendered.name, rendered.metadata
    if metadata.get("validation_level") != "ignore":
        if rendered.params_missing:
            raise MissingParameters(
                rendered.params_missing,
                hint=f"Give them to {name!r}, {where}, in the notebook or as defaults; it was not sent",
            )
        if problems := metadata.get("params_invalid"):
            raise InvalidParameters(
                problems, hint=f"Give {name!r} values of the types that it declares, {where}; it was not sent"
            )
    for placeholder, record in (rendered.rag_metadata or {}).items():
        if "error" in record:
            source = str(record["adapter_name"])
            raise RAGError(
                f"{name!r} cannot be sent: what {placeholder!r} needs of {source!r} could not be retrieved: "
                f"{record['error']}",
                adapter_name=source,
                placeholder=placeholder,
                query=record["query"],
                hint=f"Make {source!r} a variable that can be searched, or send it without:  --no-rag",
            )
