"""Documents agree with each other and with the tree."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.zh-CN.md"]
PINNED = re.compile(r"^([a-z0-9-]+==[^\s;]+)", re.MULTILINE)
#: A folder that only exists on somebody's own machine.
OWN_FOLDER = re.compile(r"(?<![\w.:}-])/(?:root|home|Users|work|opt|mnt)/[\w.]")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def committed(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def read(name: str | Path) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Every fenced block as its language and its lines, comments left out: those translate."""
    return [
        (language, [line.split("  #")[0].rstrip() for line in body.splitlines() if line[:1] != "#"])
        for language, body in FENCE.findall(text)
    ]


def marked_command(text: str, mark: str) -> list[str]:
    """The lines of the block below `<!-- mark -->`."""
    _, _, rest = text.partition(f"<!-- {mark} -->\n")
    return blocks(rest)[0][1] if rest else []


def test_both_readmes_have_the_same_sections():
    english, chinese = (HEADING.findall(FENCE.sub("", read(name))) for name in READMES)

    assert english == chinese


def test_both_readmes_show_the_same_commands():
    english, chinese = (blocks(read(name)) for name in READMES)

    assert english == chinese


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("mark", ["run", "tests"])
def test_a_readme_sets_up_in_one_command(name, mark):
    assert len(marked_command(read(name), mark)) == 1


def test_ci_types_the_command_of_the_readme():
    assert "<!-- tests -->" in read(".ci/run")


def test_links_lead_somewhere():
    broken = [
        (page.relative_to(ROOT).as_posix(), target)
        for page in committed("*.md")
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_provider_with_a_protocol_maps_it():
    folders = {path.parent for path in (ROOT / "adapters" / "providers").glob("*/sandbox")}

    assert folders
    assert [folder.name for folder in folders if not (folder / "MAPPING.md").is_file()] == []


def test_no_committed_file_knows_this_machine():
    knowing = [
        (path.relative_to(ROOT).as_posix(), found.group())
        for path in committed()
        for found in OWN_FOLDER.finditer(path.read_bytes().decode("utf-8", errors="ignore"))
        if path != Path(__file__)
    ]

    assert knowing == []


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in committed("docs/decisions/0*.md")]

    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("path", committed("docs/decisions/0*.md"), ids=lambda path: path.stem)
def test_a_decision_tells_context_choice_and_price(path):
    sections = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert sections[:3] == ["Context", "Decision", "Consequences"]


def test_both_files_of_pins_agree():
    constraints = set(PINNED.findall(read("constraints.txt")))
    requirements = set(PINNED.findall(read("requirements.txt")))

    assert requirements
    assert requirements <= constraints


@pytest.mark.parametrize("name", ["constraints.txt", "requirements.txt"])
def test_pins_name_no_package_index(name):
    assert [word for word in ("://", "--index", "--extra", "--find") if word in read(name)] == []


def test_every_declared_dependency_is_pinned():
    project = tomllib.loads(read("pyproject.toml"))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    declared = [requirement for group in groups for requirement in group]
    pinned = {pin.partition("==")[0] for pin in PINNED.findall(read("constraints.txt"))}

    assert {re.split(r"[\[<>=]", name)[0] for name in declared} <= pinned


def test_every_test_folder_runs_in_some_environment():
    index = read("tox.ini")
    tests = committed("tests/*/**/test_*.py", "tests/*/test_*.py")
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in tests}

    assert [name for name in sorted(folders) if f"tests/{name}" not in index] == []
