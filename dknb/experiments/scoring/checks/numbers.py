r"""The numbers in a text, as people and models write them.

``1,234.5``, ``-3``, ``-3`` (also with U+2212), ``6.02e23``, ``1.5 * 10^6``, ``$1,200``, ``12 km``, ``1.5 million``, ``3/4``, and with a decimal
comma ``1 234,5``. Digits in a name or in what is no amount are no number: ``GPT-4``, ``H2O``, ``1.2.3``, ``2024-05-01``, ``10:30``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

__all__ = ["DecimalSign", "FoundNumber", "numbers_in"]

DecimalSign = Literal[".", ","]

_MINUS = "\u2212\ufe63\uff0d-"
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
#: What stands between thousands, by the decimal sign; a usual space only beside a decimal comma.
_BETWEEN = {".": ",'\u2019_\u00a0\u2009\u202f", ",": ".'\u2019_ \u00a0\u2009\u202f"}
_NEAR = 24


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text.

    Attributes:
        value: The number.
        before: What stands before it, at most a few characters: where a currency may be.
        after: What stands after it: where a unit may be.
    """

    value: float
    before: str
    after: str

    def has_unit(self, unit: str) -> bool:
        """Whether the unit stands directly after it or before it, as a word of its own."""
        after, before, end = self.after.lstrip(), self.before.rstrip(), len(unit)
        if after.startswith(unit):
            return not (unit[-1].isalnum() and after[end : end + 1].isalnum())
        return before.endswith(unit) and not (unit[0].isalnum() and before[-end - 1 : -end].isalnum())


@lru_cache(maxsize=2)
def _pattern(decimal: DecimalSign) -> re.Pattern[str]:
    point = r"\." if decimal == "." else ","
    lakhs = r"| [1-9]\d? (?: ,\d{2} (?!\d) )++ ,\d{3} (?!\d)" if decimal == "." else ""
    between = _BETWEEN[decimal]
    # Two groups of three are thousands, whichever sign stands between them.
    millions = rf"[1-9]\d{{0,2}} (?:{point}\d{{3}}){{2,}}+ (?![\d.,]\d)(?!\d)"
    return re.compile(
        rf"""
          \d{{4}}-\d{{1,2}}-\d{{1,2}} (?!\d) | \d{{1,2}}/\d{{1,2}}/\d{{2,4}} (?!\d)          # dates
        | \d{{1,2}}:\d{{2}} (?: :\d{{2}})? (?!\d)                                            # times
        | (?! {millions} | [1-9]\d{{0,2}} (?:\.\d{{3}})++ (?!\.?\d)) \d++ (?:\.\d++){{2,}}      # versions
        | 0[xX][\da-fA-F]++                                                                 # hexadecimals
        | [^\W\d_]\w*+ (?:[.-]\d\w*+)*+                                                      # words, names with digits
        | (?P<sign> (?<![\w)\]}}%]) [+{_MINUS}] | (?<!\S)\u2013 )?+ [$€£¥]?+
          (?P<late> (?<=[$€£¥]) [{_MINUS}] )?+
          (?: (?P<over>\d++) / (?P<under>\d++) (?![\d/])
            | (?P<whole> {millions} | [1-9]\d{{0,2}} (?P<between>[{between}]) \d{{3}} (?: (?P=between)\d{{3}} )*+ (?!\d)
                       {lakhs} | \d++ )
              (?: {point} (?P<decimals>\d++) )?+
            | {point} (?P<only>\d++) )
          (?: [eE] (?P<exponent>[+{_MINUS}]?\d++) (?!\w) )?+
          (?: \s?[\u00d7x*\u00b7]\s?10 (?:\^|\*\*) \{{? (?P<power>[+{_MINUS}]?\d++) \}}? )?+
          (?: \s? (?P<scale> (?i:thousand|million|billion|trillion)) \b )?+
        """,
        re.VERBOSE,
    )


def numbers_in(text: str, decimal: DecimalSign = ".") -> Iterator[FoundNumber]:
    """The numbers in a text, in their order; those that are too large for a float are left out.

    Args:
        text: The text.
        decimal: The sign before the decimals; where it is a comma, points stand between thousands.
    """
    for match in _pattern(decimal).finditer(text):
        value = _value(match)
        if value is not None and math.isfinite(value):
            start, end = match.span()
            yield FoundNumber(value, text[max(0, start - _NEAR) : start] + _currency(match), text[end : end + _NEAR])


def _currency(match: re.Match[str]) -> str:
    return next((each for each in match[0] if each in "$€£¥"), "")


def _value(match: re.Match[str]) -> float | None:
    """What a match is; None where it is no number."""
    if match["over"] is not None:
        under = float(match["under"])
        value = float(match["over"]) / under if under else None
    elif match["whole"] is not None:
        whole = "".join(each for each in match["whole"] if each.isdigit())
        value = float(f"{whole}.{match['decimals'] or '0'}{_e(match)}")
    elif match["only"] is not None:
        value = float(f"0.{match['only']}{_e(match)}")
    else:
        return None
    if value is None:
        return None
    if match["scale"]:
        value *= _SCALES[match["scale"].lower()]
    sign = match["sign"] or match["late"]
    return -value if sign and sign != "+" else value


def _e(match: re.Match[str]) -> str:
    """The exponent as Python writes it."""
    exponents = [match["exponent"], match["power"]]
    whole = sum(int("".join("-" if each in _MINUS else each for each in one)[:8]) for one in exponents if one)
    return f"e{whole}" if whole else ""
