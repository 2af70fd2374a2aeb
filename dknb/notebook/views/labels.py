"""How far somebody got with labels, for where the widget cannot be; it does not say what was labelled how."""

from __future__ import annotations

from collections import Counter

from ...experiments.scoring.labels import HumanLabels
from .table import table_bundle

__all__ = ["labels_bundle"]


def labels_bundle(labels: HumanLabels) -> dict[str, str]:
    """How often each label was given, as a MIME bundle."""
    counted = Counter(labels.label_of(task) for task in labels.tasks)
    rows = [[str(value), f"{counted[float(value)]:,}"] for value in range(1, labels.scale + 1)]
    rows.append(["not yet", f"{counted[None]:,}"])
    return table_bundle(
        ["label", "answers"], rows, title=f"{labels.labelled:,} of {len(labels):,} answers are labelled"
    )
