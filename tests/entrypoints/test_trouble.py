"""What a person can mend is told in a line that says how, never by a traceback."""

import pytest

from entrypoints import cli
from entrypoints.errors import Trouble
from entrypoints.settings import check
from entrypoints.storage import open_store, upgrade_schema


def stored_at(path):
    return check({"environment": "test", "database": {"url": f"sqlite:///{path}"}})


def test_a_data_directory_that_cant_be_made(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Trouble, match="--data-dir"):
        cli.dev(port=0, data_dir=tmp_path / "file")


def test_a_database_in_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(Trouble, match="create it first"):
        upgrade_schema(stored_at(tmp_path / "nowhere" / "x.db"))


def test_a_database_that_is_none(run, tmp_path):
    settings = stored_at(tmp_path / "letter.txt")
    (tmp_path / "letter.txt").write_text("Dear customer, " * 100)

    with pytest.raises(Trouble, match=r"database\.url: .* not a database"):
        upgrade_schema(settings)
    with pytest.raises(Trouble, match=r"database\.url: .* not a database"):
        run(open_store(settings))


def test_a_configuration_that_is_a_directory(tmp_path):
    with pytest.raises(Trouble, match="can't be read"):
        cli.migrate(config=tmp_path)


@pytest.mark.parametrize("command", [cli.dev, cli.sandbox])
def test_nothing_is_pretended_in_production(monkeypatch, capsys, command):
    monkeypatch.setenv("BASEPAY_ENVIRONMENT", "production")

    with pytest.raises(Trouble, match="not for production"):
        command(port=0)
    assert capsys.readouterr().out == ""
