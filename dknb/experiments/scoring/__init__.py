"""Scorers: they give each trial one or more numbers, each a metric; and how far a judge can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import exports

if TYPE_CHECKING:
    from .agreement.against import judge_agreement
    from .agreement.alpha import krippendorff_alpha
    from .agreement.estimate import Agreement
    from .agreement.kappa import cohen_kappa
    from .base import FrameMarks, FrameScorer, Marks, NoScore, Scorer
    from .checks.measures import Duration, Length, Price
    from .checks.numeric import Numeric
    from .checks.overlap import Bleu, RougeL
    from .checks.patterns import Regex
    from .checks.similarity import Similarity
    from .checks.structure import JsonField, JsonSchema, JsonValid
    from .checks.texts import Contains, Exact
    from .functions import scorer
    from .judging.judge import LLMJudge
    from .judging.pairwise import PairwiseJudge, PairwiseReport
    from .judging.probes import bias_probes, bias_probes_async
    from .kinds import MetricKind
    from .labels import HumanLabels, LabelScorer
    from .scored import FrameScored, Scored, score_frame, score_trial
    from .specs import check_columns, scorers_of

_HOME = {
    "Agreement": "agreement.estimate",
    "Bleu": "checks.overlap",
    "Contains": "checks.texts",
    "Duration": "checks.measures",
    "Exact": "checks.texts",
    "FrameMarks": "base",
    "FrameScored": "scored",
    "FrameScorer": "base",
    "HumanLabels": "labels",
    "JsonField": "checks.structure",
    "JsonSchema": "checks.structure",
    "JsonValid": "checks.structure",
    "LLMJudge": "judging.judge",
    "LabelScorer": "labels",
    "Length": "checks.measures",
    "Marks": "base",
    "MetricKind": "kinds",
    "NoScore": "base",
    "Numeric": "checks.numeric",
    "PairwiseJudge": "judging.pairwise",
    "PairwiseReport": "judging.pairwise",
    "Price": "checks.measures",
    "Regex": "checks.patterns",
    "RougeL": "checks.overlap",
    "Scored": "scored",
    "Scorer": "base",
    "Similarity": "checks.similarity",
    "bias_probes": "judging.probes",
    "bias_probes_async": "judging.probes",
    "check_columns": "specs",
    "cohen_kappa": "agreement.kappa",
    "judge_agreement": "agreement.against",
    "krippendorff_alpha": "agreement.alpha",
    "score_frame": "scored",
    "score_trial": "scored",
    "scorer": "functions",
    "scorers_of": "specs",
}

__all__ = [
    "Agreement",
    "Bleu",
    "Contains",
    "Duration",
    "Exact",
    "FrameMarks",
    "FrameScored",
    "FrameScorer",
    "HumanLabels",
    "JsonField",
    "JsonSchema",
    "JsonValid",
    "LLMJudge",
    "LabelScorer",
    "Length",
    "Marks",
    "MetricKind",
    "NoScore",
    "Numeric",
    "PairwiseJudge",
    "PairwiseReport",
    "Price",
    "Regex",
    "RougeL",
    "Scored",
    "Scorer",
    "Similarity",
    "bias_probes",
    "bias_probes_async",
    "check_columns",
    "cohen_kappa",
    "judge_agreement",
    "krippendorff_alpha",
    "score_frame",
    "score_trial",
    "scorer",
    "scorers_of",
]

__getattr__, __dir__ = exports(__name__, _HOME)
