"""The lines of a vendor's log that say what is wrong, out of tracebacks, boxes and what is printed each time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgekit_runtime.errors import LINE_CHARACTERS

COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LEVEL = re.compile(r"(?P<level>[EWID]) (?:\w+: ?)?(?:\[[\d:.]+\] ?)?")
"""How rknn-toolkit2 begins a line: `E build: ...`, `E RKNN: [10:09:08.256] ...`."""
ERROR = re.compile(r"(?:ERROR|Error|Fatal): |.{0,40}\[E:onnxruntime[^\]]*\] ")
EXCEPTION = re.compile(r"(?P<kind>onnxruntime\.[\w.]+|(?:\w+\.)*\w*(?:Error|Exception))(?:: (?P<text>.+)|:?$)")
ONNXRUNTIME = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
SOURCE = re.compile(r"\S{1,300}\.(?:cc|cpp|h|hpp):\d+ |onnxruntime::.*?\)\S* ")
"""Where in a library's own code something was noticed, and the signature of that function."""
ADVICE = re.compile(r",? *(?:please try (?:updating|to (?:update|register))|If using rknn).*", re.IGNORECASE)
"""What librknnrt ends a line with: where newer versions are."""
EMPTY_KINDS = ("ValueError", "Exception")
NOISE = re.compile(
    "|".join(
        (
            # Python, and how rknn-toolkit2 frames what it catches
            r"Traceback",
            r"File \"",
            r"During handling of",
            r"The above exception",
            r"rknn-toolkit2? version",
            r"\W*$",
            r"[=-]+ ?W(?:ARN|arning)",
            r"Catch exception",
            r"Please (?:feedback|help report)",
            r"You can also check",
            r"If (?:you can't|the error)",
            r"https?:",
            r"(?:[Ll]oad|[Bb]uild|[Ee]xport)\b[\w ]* failed!?$",
            r"-->",
            r"done$",
            r"INFO: |WARNING: ",
            r".*\d%\|",
            r"(?:core_num|ori_\w+|dilation_h) ",
            r"rknn fallback cpu failed",
            r"Unkown op target",  # of operators that it leaves to the processor (airockchip/rknn-toolkit2 issue 559)
            # edgetpu_compiler, and the interpreter inside it
            r"Edge TPU Compiler version",
            r"Started a compilation timeout",
            r"Compilation child process",
            r"Compilation failed!",
            r"Searching for valid delegate",
            r"Try to compile segment",
            r"Intermediate tensors:",
            r"Restored original execution plan",
            r"Registration failed",
            r"Invalid model:",
            r"Model could not be parsed",
        )
    )
)
FAILURE = re.compile(r"fail|error|unsupport|not support|invalid", re.IGNORECASE)


def complaints(log: str) -> tuple[str, ...]:
    """What a compiler complains of, in its order and each line once, without stamps and colours.

    Args:
        log: All that it printed.

    Returns:
        Its lines of errors; where it has none, the one line that speaks of a failure, or its last; none where it
        says nothing beyond what it prints each time.
    """
    lines = tuple(_lines(log))
    errors = tuple(dict.fromkeys(text for level, text in lines if level == "E"))
    if errors:
        return errors
    said = [text for level, text in lines if level != "I"]
    return tuple(text for text in said if FAILURE.search(text))[:1] or tuple(said[-1:])


def _lines(log: str) -> Iterator[tuple[str, str]]:
    """Each line that is not noise: its level (`E`, `W`, `I` or none), and what it says."""
    for raw in COLOURS.sub("", log).splitlines():  # a carriage return, as of progress bars, ends a line too
        found = LEVEL.match(raw)
        level, text = (found["level"].replace("D", "I"), raw[found.end() :]) if found else ("", raw)
        error, raised = ERROR.match(text), EXCEPTION.match(text)
        said = _raised(raised) if raised else text[error.end() :] if error else text
        if said[:1].isspace() or NOISE.match(said):  # source lines of tracebacks are indented, and what goes on
            continue
        said = SOURCE.sub("", ADVICE.sub("", said)).strip().rstrip(".!")
        if said:
            yield "E" if error or raised else level, said


def _raised(found: re.Match[str]) -> str:
    """What an exception says, with its kind where the text alone says little."""
    kind, text = found["kind"].rpartition(".")[2], found["text"]
    if text is None:
        return kind
    if found["kind"].startswith("onnxruntime.") or kind in EMPTY_KINDS:
        return ONNXRUNTIME.sub("", text)
    return f"{kind}: {text}"


def shortened(text: str) -> str:
    """A line at a length that a message has room for."""
    return text if len(text) <= LINE_CHARACTERS else f"{text[: LINE_CHARACTERS - 3]}..."
