"""Verbs are loaded when they run; what help says of them is what they say themselves."""

import subprocess
import sys

import pytest

from trueness.cli.app import main
from trueness.cli.verbs import VERBS, verb


@pytest.mark.parametrize("name", VERBS)
def test_help_says_what_the_verb_says_of_itself(name: str) -> None:
    text = " ".join((verb(name).help or "").split())
    said = VERBS[name][1]
    assert text.startswith(said)
    assert not said or said.partition(". ")[0] == text.partition(". ")[0].rstrip(".") + "."


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: trueness {name} " in capsys.readouterr().out


def test_help_lists_the_verbs_in_order_but_for_the_hidden_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    _, _, listed = capsys.readouterr().out.partition("Commands:\n")
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    assert names == [name for name in VERBS if name != "msserviceprofiler"]


def test_a_mistyped_verb_is_answered_with_one_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compar"]) == 2
    assert "No such command 'compar'. Did you mean 'compare'?" in capsys.readouterr().err


def test_help_loads_no_verb() -> None:
    program = (
        "import sys; from trueness.cli.app import main; main(['--help']);"
        "print(*(m for m in sys.modules if m.startswith('trueness')), file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert set(finished.stderr.decode().split()) == {
        "trueness",
        "trueness.compare",
        "trueness.compare.arrays",
        "trueness.errors",
        "trueness.cli",
        "trueness.cli.app",
        "trueness.cli.verbs",
    }
