"""The successful answers: bytes that are already JSON, with the headers of the contract."""

from litestar import Response

from application.idempotency import Answer
from application.views import View, to_json
from domain.errors import NotFound

JSON = "application/json"


def answered(answer: Answer, *, at: str) -> Response[bytes]:
    """A use case's answer byte for byte; `at` is the collection that the order lives in."""
    headers = {}
    if answer.status in (201, 202):
        headers["Location"] = f"{at}/{answer.order_id}"
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, status_code=answer.status, headers=headers, media_type=JSON)


def shown(view: View, *, status: int = 200) -> Response[bytes]:
    """A view as it is now."""
    return Response(to_json(view), status_code=status, media_type=JSON)


def sent_file(content: bytes, *, media: str, name: str) -> Response[bytes]:
    """A file for a person; browsers keep it under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media, headers=headers)


def known_id(id: str, prefix: str, kind: str) -> str:
    """An id that can exist; others need no look at the database. Raises NotFound."""
    start, _, ulid = id.partition("_")
    if start != prefix or len(ulid) != 26 or not (ulid.isascii() and ulid.isalnum()):
        raise NotFound(kind, id)
    return id
