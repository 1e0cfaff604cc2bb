"""Check request bodies field by field (REFERENCE.md §1.5, §1.6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.providers.wechat_pay.sandbox.refused import Refused, bad_field

GREATEST_INTEGER = 2**63 - 1
#: No documented body nests deeper than four; far below what Python can walk.
DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Text:
    """A JSON string of `shortest` to `longest` characters."""

    pointer: str
    longest: int
    shortest: int = 1
    required: bool = True
    pattern: str = r"(?s).*"

    def check(self, value: object) -> None:
        if not isinstance(value, str):
            raise bad_field(self.pointer, value, "类型错误，应为字符串")
        if not self.shortest <= len(value) <= self.longest:
            raise bad_field(
                self.pointer, value, f"长度应在{self.shortest}到{self.longest}个字符之间"
            )
        if not re.fullmatch(self.pattern, value):
            raise bad_field(self.pointer, value, "含有不允许的字符")


@dataclass(frozen=True, slots=True)
class Integer:
    """A JSON integer, never a quoted one."""

    pointer: str
    least: int = 1
    required: bool = True

    def check(self, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise bad_field(self.pointer, value, "类型错误，应为整数")
        if not self.least <= value <= GREATEST_INTEGER:
            raise bad_field(self.pointer, str(value), f"不能小于{self.least}，也不能超出int64")


@dataclass(frozen=True, slots=True)
class Url:
    """A callback address: a path, but neither query nor fragment."""

    pointer: str
    longest: int
    plain_http: bool
    required: bool = True

    def check(self, value: object) -> None:
        Text(self.pointer, self.longest, shortest=8).check(value)
        try:
            url = urlsplit(str(value))
        except ValueError as error:
            raise bad_field(self.pointer, value, "不是合法的URL") from error
        schemes = ("https", "http") if self.plain_http else ("https",)
        if url.scheme not in schemes or not url.hostname or not url.path:
            raise bad_field(self.pointer, value, "应为完整的https地址")
        if "?" in str(value) or "#" in str(value):
            raise bad_field(self.pointer, value, "不能携带参数")


@dataclass(frozen=True, slots=True)
class Time:
    """An RFC 3339 instant with its offset."""

    pointer: str
    required: bool = False

    def check(self, value: object) -> None:
        Text(self.pointer, 64).check(value)
        try:
            read = msgspec.convert(value, datetime)
        except msgspec.ValidationError as error:
            raise bad_field(self.pointer, value, "时间格式错误，应遵循rfc3339") from error
        if read.tzinfo is None:
            raise bad_field(self.pointer, value, "时间格式错误，缺少时区")


Rule = Text | Integer | Url | Time


def read_body(body: bytes, rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the JSON object in `body` or raise `Refused` for the first bad field.

    Fields without a rule pass: the platform grows, and so do its callers.
    """
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused("PARAM_ERROR", "请求体不是合法的JSON") from error
    if not isinstance(read, dict):
        raise Refused("PARAM_ERROR", "请求体应为JSON对象")
    _refuse_nulls_and_emoji(read, "")
    for rule in rules:
        value = _at(read, rule.pointer)
        if value is not None:
            rule.check(value)
        elif rule.required:
            raise bad_field(rule.pointer, "", "不能为空")
    return read


def _at(body: dict[str, Any], pointer: str) -> object:
    value: Any = body
    for name in pointer.split("/")[1:]:
        if not isinstance(value, dict):
            raise bad_field(pointer.rpartition("/")[0], value, "类型错误，应为对象")
        value = value.get(name)
        if value is None:
            return None
    return value


def _refuse_nulls_and_emoji(value: object, pointer: str) -> None:
    if pointer.count("/") > DEEPEST:
        raise Refused("PARAM_ERROR", "请求体嵌套过深")
    match value:
        case None:
            raise bad_field(pointer, None, "不能为null")
        case str() if any(ord(character) > 0xFFFF for character in value):
            raise bad_field(pointer, value, "含有不支持的字符")
        case dict():
            for name, each in value.items():
                _refuse_nulls_and_emoji(each, f"{pointer}/{name}")
        case list():
            for place, each in enumerate(value):
                _refuse_nulls_and_emoji(each, f"{pointer}/{place}")
