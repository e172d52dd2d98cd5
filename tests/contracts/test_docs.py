"""Documents that are made from the code, or name its files, stay true."""

import re
import subprocess
import sys
from pathlib import Path


def test_the_reference_is_what_the_code_says(repository: Path) -> None:
    argv = [sys.executable, repository / "docs/generate.py", "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_path_through_the_files_names_files_that_exist(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    section = readme.split("## The path of a model through the files")[1].split("\n## ")[0]
    named = re.findall(r"`((?:toolchain|targets|converters|runtime|devices)/[^`]+)`", section)
    assert len(named) > 10
    assert [name for name in named if not (repository / name).is_file()] == []


def test_links_between_documents_lead_somewhere(repository: Path) -> None:
    documents = [*repository.glob("*.md"), *repository.glob("docs/**/*.md")]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    ]
    assert [f"{document.name}: {target}" for document, target in links if not (document.parent / target).exists()] == []
