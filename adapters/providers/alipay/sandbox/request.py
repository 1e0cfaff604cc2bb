"""One call of gateway.do as it arrived: query and body in one set of parameters."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from adapters.providers.alipay.sandbox.refused import invalid

#: The only ones Alipay decodes (REFERENCE.md §1.2), by the codec that reads them.
CHARSETS = {"utf-8": "utf-8", "gbk": "gbk"}

#: More parameters than any real call carries; a longer form is refused unread.
MOST_PARAMETERS = 200


def codec_of(parameters: Mapping[str, str]) -> str | None:
    """The codec named by `charset`, or None when it is absent or not one Alipay knows."""
    return CHARSETS.get(parameters.get("charset", "").lower())


def read_parameters(query: bytes, body: bytes) -> dict[str, str]:
    """Merge query and body, decoded by the query's `charset`; the query wins (REFERENCE.md §1.2).

    Raises Refused when the bytes are not a form in that charset.
    """
    codec = codec_of(_read(query, "latin-1")) or codec_of(_read(body, "latin-1")) or "utf-8"
    try:
        return _read(body, codec) | _read(query, codec)
    except UnicodeDecodeError:
        raise invalid("charset", signed=False) from None


def _read(form: bytes, codec: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            form.decode(codec),
            keep_blank_values=True,
            encoding=codec,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise
    except ValueError:
        raise invalid("parameter", "too many parameters", signed=False) from None
    return dict(pairs)
