"""The entry of `python3 -m edgekit_runtime` and of the `.pyz`: the agent, and the processes that it starts."""

from __future__ import annotations

import sys


def _prepare() -> None:
    from edgekit_runtime.prepare import answer

    answer()


def _probe() -> None:
    from edgekit_runtime.probes import answer

    answer()


def _steady() -> None:
    from edgekit_runtime.steady import answer

    answer()


def _operators() -> None:
    from edgekit_runtime.operators_process import answer

    answer()


def _sustain() -> None:
    from edgekit_runtime.sustain_process import answer

    answer()


def _run() -> None:
    from edgekit_runtime.run_process import answer

    answer()


def _count() -> None:
    from edgekit_runtime.counting import answer

    answer()


PROCESSES = {
    "count-process": _count,
    "prepare-process": _prepare,
    "probe-process": _probe,
    "steady-process": _steady,
    "operators-process": _operators,
    "sustain-process": _sustain,
    "run-process": _run,
}


def main() -> int:
    """Do what the command line asks for, and return the exit status."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "measure-process":  # first, and without the agent's imports: this process must stay small
        from edgekit_runtime.measure import answer_one_call

        answer_one_call()
        return 0
    if command in PROCESSES:
        PROCESSES[command]()
        return 0
    from edgekit_runtime.agent import end_politely, run_agent

    end_politely()
    return run_agent(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
