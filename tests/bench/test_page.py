"""bench/page.py: one section measured again, while the others stay."""

from __future__ import annotations

from page import HEAD, merge

NAMES = ("startup", "int8-latency", "serving")


def test_a_page_is_made_block_by_block_in_the_order_of_the_benchmarks():
    page = merge("", {"serving": "## Serving\n\nfast\n"}, NAMES)
    page = merge(page, {"startup": "## Start\n\nfast\n"}, NAMES)
    assert page.startswith(HEAD)
    assert page.index("## Start") < page.index("## Serving")


def test_only_what_is_fresh_changes():
    page = merge("", {name: f"## {name}\n\nold {name}" for name in NAMES}, NAMES)
    again = merge(page, {"int8-latency": "## int8-latency\n\nnew"}, NAMES)
    assert again == page.replace("old int8-latency", "new")


def test_the_same_again_is_the_same_page_and_what_is_no_benchmark_any_more_goes():
    blocks = {name: f"## {name}\n" for name in NAMES}
    page = merge("", blocks, NAMES)
    assert merge(page, blocks, NAMES) == page
    assert "int8-latency" not in merge(page, {}, ("startup", "serving"))
