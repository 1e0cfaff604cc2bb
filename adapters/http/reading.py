"""Reads bodies, queries and idempotency keys, and says which field should be what instead."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.datastructures import State

from adapters.http.errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    MalformedJson,
    UnsupportedMediaType,
)
from application.idempotency import Key
from application.records import Caller
from domain.errors import FieldError, InvalidRequest

T = TypeVar("T", bound=msgspec.Struct)
ApiRequest = Request[Caller, None, State]

VISIBLE_ASCII = re.compile(rb"[\x21-\x7e]{1,255}")
MISSING = re.compile(r"Object missing required field `(.*?)`(?: - at `\$\.(.*)`)?")
UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.(.*)`)?", re.DOTALL)
WRONG = re.compile(r"(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?", re.DOTALL)


class Body(Generic[T]):
    """A JSON body of one kind; built once, because building the decoder is not free."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._expected = expectations(kind)

    async def read(self, request: ApiRequest) -> T:
        """Raises InvalidRequest, MalformedJson, UnsupportedMediaType."""
        if _media_type(request) != b"application/json":
            raise UnsupportedMediaType
        return self.decode(await request.body())

    def decode(self, body: bytes) -> T:
        """Raises InvalidRequest, MalformedJson."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise InvalidRequest(field_error(error, self._expected)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise MalformedJson from None


class Query(Generic[T]):
    """A query string of one kind; every parameter at most once, unknown ones refused."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self._expected = expectations(kind)

    def read(self, request: ApiRequest) -> T:
        """Raises InvalidRequest."""
        pairs = _pairs(request.scope["query_string"])
        given: dict[str, str] = {}
        for name, value in pairs:
            if name in given:
                raise InvalidRequest(FieldError(name, "given once"))
            given[name] = value
        try:
            return msgspec.convert(given, self.kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidRequest(field_error(error, self._expected)) from None


def idempotency_key(request: ApiRequest, *, route: str, wanted: msgspec.Struct) -> Key:
    """The caller's key, with what it stands for. Raises IdempotencyKeyRequired, …Invalid."""
    sent = headers_named(request, b"idempotency-key")
    if not sent:
        raise IdempotencyKeyRequired
    if len(sent) > 1 or not VISIBLE_ASCII.fullmatch(sent[0]):
        raise IdempotencyKeyInvalid
    return Key(request.user.name, route, sent[0].decode(), fingerprint(wanted))


def headers_named(request: ApiRequest, wanted: bytes) -> list[bytes]:
    """Every value of one header; `wanted` is in lower case, as ASGI spells names."""
    return [value for name, value in request.scope["headers"] if name == wanted]


def fingerprint(wanted: msgspec.Struct) -> str:
    """SHA-256 over the canonical JSON: order of keys, white space and nulls do not matter."""
    return sha256(msgspec.json.encode(wanted, order="deterministic")).hexdigest()


def expectations(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What each field of a Struct should be, in the words of its schema; paths are dotted."""
    _, components = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, str] = {}
    _describe(components[kind.__name__], components, "", found)
    return found


def field_error(error: msgspec.ValidationError, expected: Mapping[str, str]) -> FieldError:
    """Our words for what msgspec found."""
    text = str(error)
    if match := UNKNOWN.fullmatch(text):
        return FieldError(_join(match[2], match[1]), "no such field")
    if match := MISSING.fullmatch(text):
        field = _join(match[2], match[1])
        return FieldError(field, f"required: {expected.get(field, 'a value')}")
    match = WRONG.fullmatch(text)
    sentence, path = (match[1], match[2]) if match else (text, None)
    field = (path or "").replace("[...]", "")
    return FieldError(field or "body", expected.get(field, sentence))


def _describe(
    schema: Mapping[str, object],
    components: Mapping[str, Mapping[str, object]],
    path: str,
    found: dict[str, str],
) -> None:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    for name, schema_of_field in properties.items():
        resolved = _resolve(schema_of_field, components)
        values = resolved.get("enum")
        if isinstance(values, list):
            found[path + name] = "one of " + ", ".join(values)
        elif "properties" in resolved:
            found[path + name] = "an object"
        elif "description" in resolved:
            found[path + name] = str(resolved["description"])
        _describe(resolved, components, f"{path}{name}.", found)


def _resolve(
    schema: dict[str, object], components: Mapping[str, Mapping[str, object]]
) -> Mapping[str, object]:
    """Past a null alternative and a reference."""
    match schema:
        case {"anyOf": [dict(first), *_]}:
            return _resolve(first, components)
        case {"$ref": str(name)}:
            return components[name]
        case _:
            return schema


def _join(parent: str | None, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _media_type(request: ApiRequest) -> bytes:
    sent = headers_named(request, b"content-type")
    return sent[0].partition(b";")[0].strip().lower() if len(sent) == 1 else b""


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise InvalidRequest(FieldError("query", "at most 50 parameters")) from None
