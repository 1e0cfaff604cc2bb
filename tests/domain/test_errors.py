import re

from domain import errors
from domain.errors import AccountRequired, DomainError, FieldError, InvalidRequest


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")

    assert drawn == [error.__name__ for error in DomainError.__subclasses__()]


def test_an_invalid_request_names_every_wrong_field() -> None:
    error = InvalidRequest(FieldError("amount", "at least 1"), FieldError("subject", "text"))

    assert str(error) == "amount: at least 1; subject: text."


def test_who_must_name_an_account_hears_the_choices() -> None:
    assert "main, second." in str(AccountRequired("wechat", ("main", "second")))
    assert "none is configured." in str(AccountRequired("wechat", ()))
