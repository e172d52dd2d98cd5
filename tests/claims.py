"""What a prediction must never claim, since nothing published bears it out."""

from __future__ import annotations

import re

NEVER = {
    "a time without a range": re.compile(r"\b\d+(\.\d+)? ?ms\b"),
    "instructions as latency": re.compile(r"instruction count|emulated time", re.IGNORECASE),
    "int8 as faster or slower": re.compile(r"int8 is (faster|slower)|(faster|slower) (in|as|with) int8", re.IGNORECASE),
    "threads that scale": re.compile(r"\b4 ?x\b|four times as fast|4 times (less|faster)", re.IGNORECASE),
    "the accuracy of two tables of one document": re.compile(r"within 1[0-9] ?%"),
    "accelerators, first runs or loading": re.compile(r"\b(GPU|first.?run|first inference|load time)\b", re.IGNORECASE),
}
ALLOWED_TIMES = re.compile(r"([Uu]nder|less than) 5 ms|at least [\d.]+ m?s|\d to [\d.]+ ms")


def forbidden_claims(text: str) -> list[str]:
    """The claims in a text that it must not make, each with the words that make it."""
    told = ALLOWED_TIMES.sub("", " ".join(text.split()))
    return [f"{claim}: {found[0]}" for claim, pattern in NEVER.items() if (found := pattern.search(told))]
