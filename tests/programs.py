"""The programs that README.md shows: there they stand, and nowhere else."""

import re

from tests.dev_process import ROOT


def program(name: str) -> str:
    """The code below `<!-- name -->`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(rf"^<!-- {name} -->\n```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert shown, f"README.md shows no {name}"
    return shown[1]


def lines_of_code(program: str) -> list[str]:
    """Comments and empty lines left out."""
    return [line for line in program.splitlines() if line.strip() and line.strip()[0] != "#"]
