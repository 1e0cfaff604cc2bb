"""The inner layers stay pure: what their syntax trees may name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Values and how to arrange them: nothing here knows the time, the network, the disk or chance.
PURE = frozenset(
    "__future__ abc base64 binascii bisect collections copy dataclasses datetime decimal enum "
    "fractions functools hashlib heapq itertools json math operator re statistics string types "
    "typing unicodedata zoneinfo".split()
)
MAY_IMPORT = {
    "domain": PURE | {"domain"},
    # Use cases wait for the world and tell the log what they saw.
    "application": PURE | {"asyncio", "contextlib", "logging", "application", "domain"},
}
#: The time comes from a `Clock`, identifiers from `NewId`, everything else through a port.
FORBIDDEN_CALLS = frozenset(
    "datetime.now datetime.utcnow datetime.today date.today open print input eval exec".split()
)


def modules(layer: str) -> list[Path]:
    found = sorted((ROOT / layer).rglob("*.py"))
    assert found, f"{layer} holds no modules"
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """The top-level package of every import, wherever in the module it stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.ImportFrom():
                yield "."  # relative: not how this project writes imports


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            # `datetime.datetime.now()` is as much a clock as `datetime.now()`
            yield ".".join(ast.unparse(node.func).split(".")[-2:])


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_an_inner_layer_imports_values_only(layer):
    strangers = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in modules(layer)
        for name in imports(ast.parse(path.read_bytes()))
        if name not in MAY_IMPORT[layer]
    }

    assert strangers == set()


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_an_inner_layer_asks_neither_clock_nor_disk(layer):
    asked = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in modules(layer)
        for name in calls(ast.parse(path.read_bytes()))
        if name in FORBIDDEN_CALLS
    }

    assert asked == set()


def test_the_domain_waits_for_nothing():
    waiting = {
        (path.relative_to(ROOT).as_posix(), node.lineno)
        for path in modules("domain")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await)
    }

    assert waiting == set()
