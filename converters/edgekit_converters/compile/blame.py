"""From the log of a vendor's compiler to the operators of the user's model that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from edgekit_converters.compile.telling import complaints, shortened
from edgekit_targets.findings import Place
from edgekit_targets.graph.graph import Graph, Subgraph

By = Literal["operator", "reader", "kind", "nothing"]
"""What a log names: an operator, what an operator only reads, a kind of operator, or none of them."""

SILENT = "it does not say why"
NUMBER = re.compile(r"[Nn]ode number (?P<number>\d{1,9}) \((?P<kind>[^)]+)\)")
"""How TensorFlow Lite's interpreter calls an operator."""
QUOTED = re.compile(
    r"""(?<!\w)'([^']+)'(?!\w)|"([^"]+)"|(?<![\w\]])\[([^\[\]]+)\]|(?<![\w)])\(([^()]+)\)|[Nn]ame\s*[:=]\s*([^\s'",)]+)"""
)
BARE = re.compile(r"\S+")
EDGES = "'\"()[]{}<>,;!?"
SHORTEST_BARE = 8  # characters: shorter names, and words, count only between quotes or brackets
TYPED = re.compile(r"[A-Za-z]\w*:(?=.)")
"""What Rockchip's compiler puts before the name of an operator: its kind, as in `Conv:/head/Conv`."""
DERIVED = re.compile(r"(?:#\d+|_2[a-z_]+(?:_\d+)?|_\d+_expand\d+)$")
"""What Rockchip's compiler appends to the name of an operator that it rewrites, as in `/ReduceSum_2conv`."""
KINDS = (
    re.compile(
        r"\b(?:[Oo][Pp]s?|[Oo]perat(?:or|ion)s?|opcode|layer|[Nn]ode|type|[Uu]nsupport(?:ed)?)\b(?=[\s:=]*\W?([\w.]+))"
    ),
    re.compile(r"(?<![\w.])([\w.]+)['\"]?\s+(?:op|OP|operator|node|layer)\b"),
    re.compile(r"(?<!\w)['\"(]([\w.]+)['\")]"),
    re.compile(r"\b(\w+)\((?=['\"\d]|name)"),
    re.compile(r"(?<!\w)(\w+):(?=\S)"),
)
"""Where a line may name a kind of operator: in prose, words such as `If`, `Not`, `Where` are none."""


@dataclass(frozen=True)
class Blame:
    """What a compiler complains of, and where in the model that is.

    Attributes:
        line: What it says, and what it says just before where only the next line names the operator.
        by: What the line names.
        places: The operator that it names, the first that reads what it names, or all of the kind.
    """

    line: str
    by: By
    places: tuple[Place, ...]

    def told(self) -> str:
        """The place in words; empty where there is none."""
        if not self.places:
            return ""
        first, count = self.places[0], len(self.places)
        if self.by == "reader":
            return f"The first to read it is {in_words(first)}."
        if count == 1:
            return f"That is {in_words(first)}."
        return f"The model has {count} of {first.name}; the first is {in_words(first)}."


def in_words(place: Place) -> str:
    """An operator as the user knows it: `operator 12, CONV_2D (tensor)`."""
    tensor = f" ({place.tensor})" if place.tensor else ""
    return f"operator {place.operator}, {place.name}{tensor}"


def blame(log: str, graph: Graph) -> Blame:
    """The operators of a model that a compiler's log speaks of.

    Args:
        log: All that the compiler printed.
        graph: The model that it was given.
    """
    lines, names = complaints(log), _Names(graph.main)
    for find in (names.operator, names.kind):
        for number, line in enumerate(lines):
            by, places = find(line)
            if places:
                told = "; ".join(map(shortened, lines[max(0, number - 1) : number + 1]))
                return Blame(told, by, places)
    return Blame(shortened(lines[0]) if lines else SILENT, "nothing", ())


def named(line: str, graph: Graph) -> tuple[Place, ...]:
    """The operator that one line of a log names; empty where it names none."""
    return _Names(graph.main).operator(line)[1]


class _Names:
    """What the operators of a graph can be called by."""

    def __init__(self, main: Subgraph) -> None:
        self._main = main
        self._labels: dict[str, int] = {}
        self._made: dict[str, int] = {}
        self._read: dict[str, int] = {}
        for index, operator in enumerate(main.operators):
            self._labels.setdefault(operator.label, index)
            for tensor in main.tensors_of(operator.outputs):
                self._made.setdefault(tensor.name, index)
            for tensor in main.tensors_of(operator.inputs):
                self._read.setdefault(tensor.name, index)

    def operator(self, line: str) -> tuple[By, tuple[Place, ...]]:
        """The operator that a line names by its number, its own name or a tensor's; the longest name counts."""
        found = self._numbered(line)
        tokens = tuple(_tokens(line))
        for table in (self._labels, self._made):
            found = _longest(tokens, table) if found is None else found
        if found is not None:
            return "operator", (Place.of(self._main, found),)
        reader = _longest(tokens, self._read)
        return "reader", () if reader is None else (Place.of(self._main, reader),)

    def kind(self, line: str) -> tuple[By, tuple[Place, ...]]:
        """All operators of the first kind that a line names."""
        words = sorted((found.start(1), found[1]) for pattern in KINDS for found in pattern.finditer(line))
        kinds = (self._of_kind(word.rstrip(".")) for _, word in words)
        return "kind", next((places for places in kinds if places), ())

    def _numbered(self, line: str) -> int | None:
        """The same by number, where that operator is of the kind that the line says."""
        found = NUMBER.search(line)
        if found is None:
            return None
        number, operators = int(found["number"]), self._main.operators
        right = number < len(operators) and operators[number].name == found["kind"]
        return number if right else None

    def _of_kind(self, word: str) -> tuple[Place, ...]:
        operators = self._main.operators
        same = [index for index, operator in enumerate(operators) if operator.name == word]
        if not same and not word.islower():  # another format's spelling: ScatterND is SCATTER_ND
            same = [index for index, operator in enumerate(operators) if _plain(operator.name) == _plain(word)]
        return tuple(Place.of(self._main, index) for index in same)


def _plain(kind: str) -> str:
    return kind.rpartition(".")[2].replace("_", "").lower()


def _tokens(line: str) -> Iterator[str]:
    """What may be a name: all between quotes or brackets, and of the rest what does not look like a word."""
    for found in QUOTED.finditer(line):
        yield from _forms(next(group for group in found.groups() if group is not None).strip(EDGES + " "))
    for found in BARE.finditer(line):
        word = found[0].strip(EDGES).rstrip(".:")
        typed = TYPED.match(word)
        if typed or (len(word) >= SHORTEST_BARE and not word.isalpha()):
            yield from _forms(word)


def _forms(token: str) -> Iterator[str]:
    """A name as it stands, and without what Rockchip's compiler puts around it."""
    typed = TYPED.match(token)
    for form in (token, token[typed.end() :] if typed else token):
        yield form
        yield DERIVED.sub("", form)


def _longest(tokens: Iterable[str], table: Mapping[str, int]) -> int | None:
    known = [token for token in tokens if token and token in table]
    return table[max(known, key=len)] if known else None
