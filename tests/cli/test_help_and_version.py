"""Help answers at once: nothing heavy is imported for it."""

import statistics
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from cartopath.cli.main import app

COMMANDS = (
    *("benchmark", "check", "compare", "demo", "doctor", "embed", "external", "init", "predict", "regress", "report", "run"),
    *("stages", "validate"),
)
HEAVY = ("torch", "pandas", "numpy", "lightning", "matplotlib", "timm", "dask", "distributed", "scipy", "openslide", "pydantic")


def test_importing_the_command_line_imports_nothing_heavy():
    code = f"import sys, cartopath.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_help_answers_in_a_moment():
    def seconds():
        start = time.monotonic()
        code = "from cartopath.cli.main import app; app()"
        subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, check=True)
        return time.monotonic() - start

    assert statistics.median(seconds() for _ in range(3)) < 1.5  # Half a second on a quiet machine.


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_all_commands_are_listed(words):
    result = CliRunner().invoke(app, words)
    assert all(command in result.output for command in COMMANDS)


def test_the_help_names_exactly_the_commands_there_are():
    assert {command.name or command.callback.__name__ for command in app.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize("command", ["benchmark", "compare", "demo", "check", "external", "run", "predict"])
def test_commands_with_exit_codes_of_their_own_explain_them(command):
    assert "Exit codes" in CliRunner().invoke(app, [command, "--help"]).output


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output.strip()) == (0, f"cartopath {version('cartopath')}")


@pytest.mark.parametrize(
    "words", [["rnu"], ["run"], ["predict", "model"], ["run", "study", "--workers", "-1"], ["run", "s", "--round", "x"]]
)
def test_wrong_usage_is_code_2(words):
    assert CliRunner().invoke(app, words).exit_code == 2
