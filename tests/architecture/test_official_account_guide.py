"""The guide in its two languages agrees with itself and with what the doctor says."""

import re
import tomllib
from pathlib import Path

import pytest

from adapters.http.wechat_login import PATH

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("official-account.md", "official-account.zh-CN.md")
)
CHECKED = re.compile(r"^\| (?:checked by|检查) \| (.*) \|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines_of_the_doctor(text: str) -> list[list[str]]:
    """Item by item; an account's or domain's own name is left out."""
    return [
        [re.sub(r"<.*>", "", name) for name in NAMED.findall(line)]
        for line in CHECKED.findall(text)
    ]


def test_both_languages_have_the_same_items():
    levels = [re.findall(r"^#+", FENCE.sub("", text), re.MULTILINE) for text in (ENGLISH, CHINESE)]

    assert levels[0] == levels[1]
    assert len(CHECKED.findall(ENGLISH)) == ENGLISH.count("\n### ")


def test_both_languages_name_the_same_lines_of_the_doctor():
    assert lines_of_the_doctor(ENGLISH) == lines_of_the_doctor(CHINESE)


def test_both_languages_show_the_same_commands_and_settings():
    shown = [
        [re.sub(r"#.*", "", block) for block in FENCE.findall(text)] for text in (ENGLISH, CHINESE)
    ]

    assert shown[0] == shown[1]
    assert "official_account" in tomllib.loads(shown[0][0])["accounts"]["wechat-main"]


@pytest.mark.parametrize("name", sorted({n for line in lines_of_the_doctor(ENGLISH) for n in line}))
def test_the_doctor_says_the_lines_that_the_guide_names(name):
    sources = (ROOT / "entrypoints" / "checkup").glob("*.py")
    said = "\n".join(path.read_text(encoding="utf-8") for path in sources)

    kind = re.sub(r"^app id, \w+$", "app id, {kind}", name)
    assert f'"{kind}' in said


def test_the_guide_shows_the_address_of_the_hosted_login():
    assert PATH.replace("{account:str}", "wechat-main") in ENGLISH
