"""The rule that changes a result is named, and nothing else is."""

import json

import numpy as np
import pytest

from trueness.benchmark.fusion_bisect import RULES, bisect
from trueness.benchmark.one_run import feeds_of
from trueness.cli.app import main
from trueness.dump.onnx_session import Sessions


def test_a_model_whose_fusions_are_harmless_passes(models, capsys):
    assert main(["fusion-bisect", str(models / "cnn.onnx")]) == 0
    assert "computes what the model as it is does" in capsys.readouterr().out


def test_without_the_named_rules_the_result_is_the_same_bits(models, capsys):
    arguments = [str(models / "cnn.onnx"), "--level", "extended", "--standard", "bitwise"]
    assert main(["fusion-bisect", *arguments, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["rules"]
    assert len(found["rules"]) <= 4
    feeds = feeds_of(arguments[0], None, None, 0)
    sessions = Sessions(str(models), ["CPUExecutionProvider"])
    plain = sessions.open(arguments[0], "disable").run(None, feeds)[0]
    without = sessions.open(arguments[0], "extended", disabled=found["rules"]).run(None, feeds)[0]
    assert plain.tobytes() == without.tobytes()
    for rule in found["rules"]:
        fewer = [other for other in found["rules"] if other != rule]
        other = sessions.open(arguments[0], "extended", disabled=fewer).run(None, feeds)[0]
        assert plain.tobytes() != other.tobytes()


@pytest.mark.parametrize("guilty", [("GeluFusionL2",), ("ConvBNFusion", "NchwcTransformer")])
def test_any_set_of_rules_is_found(models, monkeypatch, guilty):
    """With an optimiser that does wrong by exactly these rules."""

    class Session:
        def __init__(self, wrong: bool) -> None:
            self._wrong = wrong

        def run(self, names, feeds):
            return [np.full(3, 1.0 + self._wrong, np.float32)]

        def get_outputs(self):
            return [type("Output", (), {"name": "y"})]

    def open_session(self, model, level, *, disabled=()):
        return Session(level != "disable" and not set(guilty) <= set(disabled))

    monkeypatch.setattr(Sessions, "open", open_session)
    found = bisect("model.onnx", {})
    assert set(found.rules) == set(guilty)
    assert set(guilty) <= set(RULES)
    assert "y: " in found.reason


def test_an_optimiser_that_is_always_wrong_is_no_rule(models, monkeypatch):
    class Session:
        def __init__(self, level: str) -> None:
            self._level = level

        def run(self, names, feeds):
            return [np.float32([len(self._level)])]

        def get_outputs(self):
            return [type("Output", (), {"name": "y"})]

    monkeypatch.setattr(Sessions, "open", lambda s, m, level, disabled=(): Session(level))
    found = bisect("model.onnx", {})
    assert not found.passes
    assert not found.passes_without_all
    assert found.rules == ()


def test_an_unknown_level(models, capsys):
    assert main(["fusion-bisect", str(models / "cnn.onnx"), "--level", "most"]) == 2
    assert "no level is called 'most'" in capsys.readouterr().err
