"""What the commands refuse before they load anything."""

import pytest
from typer.testing import CliRunner

from stepcoder.cli import app
from stepcoder.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--rerank prm", "--rerank prm and --prm PRM go together"),
        ("--candidates 4", "--candidates is of --rerank, which is not given"),
        ("--rerank prm --prm x --width 2", "--width is of --search, which is not given"),
        ("--repair-model x", "--repair-model is of --critic-sampling, which is not given"),
        ("--repair-top 2", "--repair-top is of --critic-sampling"),
        ("--example-tests 2", "--example-tests is of --critic-sampling"),
    ],
)
def test_options_of_what_is_not_asked_for_are_refused(given: str, told: str) -> None:
    found = CliRunner().invoke(app, f"sample run --data x --out y {given}")
    assert isinstance(found.exception, ConfigError)
    assert told in str(found.exception)
