import json
from pathlib import Path

import numpy as np
import pytest

from trueness.cli import options
from trueness.cli.app import main
from trueness.compare.standards import standard_names, standard_of
from trueness.demo import fx_dump, ge_dump, transformer
from trueness.dumps import compare_dumps
from trueness.model import REFERENCE_ERROR


def test_the_list_names_all_with_their_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["standards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(standard_names())
    assert all(line.endswith(standard_of(line.split()[0]).source) for line in lines)
    assert main(["standards", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(standard_names())


def test_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["standards", "cann-mixed@opbase"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("cann-mixed@opbase\nsource: CANN mixed tolerance standard, opbase")
    assert "float16:\n  |m - g| <= 0.000976562 + 0.000976562 |g| on 99 % of elements\n" in out
    assert "  max |m - g| <= max(0.1, 32 ULP of g there)\n" in out
    assert "NaN and Inf: at the same places" in out
    assert "note: " in out


@pytest.mark.parametrize("name", standard_names())
def test_a_printed_profile_can_be_used(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["standards", name]) == 0
    assert capsys.readouterr().out
    assert main(["standards", name, "--json"]) == 0
    mine = tmp_path / "mine.json"
    mine.write_text(capsys.readouterr().out)
    assert main(["standards", str(mine)]) == 0
    assert capsys.readouterr().out.startswith(standard_of(name).label)


def test_an_unknown_name_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["standards", "hope"]) == 2
    assert "no standard is called 'hope'; known: auto, " in capsys.readouterr().err


def test_help_of_compare_names_every_standard() -> None:
    """Written out there, as help must not load the profiles."""
    spelt = options.STANDARDS.replace(", -L1 or -L2", ", cann-commercial-L1, cann-commercial-L2")
    spelt = spelt.replace(", @opbase or @ttk", ", cann-mixed@opbase, cann-mixed@ttk")
    assert sorted(spelt.split(", ")) == sorted(standard_names())


def test_compare_with_a_standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden = np.linspace(100, 200, 50, dtype=np.float32)
    np.save(tmp_path / "g.npy", golden)
    np.save(tmp_path / "m.npy", golden * np.float32(1 + 5e-6))
    both = ["compare", str(tmp_path / "g.npy"), str(tmp_path / "m.npy"), "--standard"]
    assert main([*both, "numpy"]) == 0
    assert "pass by numpy@1" in capsys.readouterr().out
    assert main([*both, "torch"]) == 1
    assert "outside_ratio 1 > 0 (beyond 1e-05 + 1.3e-06 |g|" in capsys.readouterr().out
    assert main([*both, "cann-commercial-L1"]) == 2
    assert "needs a reference: --reference DIR" in capsys.readouterr().err
    with_third = ["cann-commercial-L1", "--reference", str(tmp_path / "m.npy")]
    assert main([*both, *with_third]) == 0


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for folder in ("golden", "my", "third"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b", "c"):
        golden = rng.standard_normal(500)
        noise = 1e-6 * rng.standard_normal(500)
        np.save(tmp_path / "golden" / f"{name}.npy", golden)
        scale = 20 if name == "b" else 1
        np.save(tmp_path / "my" / f"{name}.npy", (golden + scale * noise).astype(np.float32))
        if name != "c":
            np.save(tmp_path / "third" / f"{name}.npy", (golden - noise).astype(np.float32))
    return tmp_path


def test_two_dumps_beside_a_third(dumps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = ["compare", str(dumps / "golden"), str(dumps / "my"), "-o", str(dumps), "--json"]
    third = ["--standard", "cann-commercial-L1", "--reference"]
    assert main([*sides, *third, str(dumps / "third")]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["summary"]["passed"], found["summary"]["failed"]) == (1, 2)
    reasons = {Path(row["my_data_path"]).name: row["cmp_fail_reason"] for row in found["rows"]}
    assert reasons["b.npy"].startswith("mare ratio ")
    assert reasons["c.npy"] == "no reference: none has this tensor"
    assert main([*sides, *third, str(dumps / "absent")]) == 2
    assert "reference: " in capsys.readouterr().err


def test_the_third_dump_may_be_laid_out_as_golden_or_as_my(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = transformer.run()
    golden = fx_dump.write(model, tmp_path / "golden")
    my = ge_dump.write(model, tmp_path / "my")
    alike = ge_dump.write(model, tmp_path / "as_my")
    for third in (alike, fx_dump.write(model, tmp_path / "as_golden")):
        arguments = ["compare", str(golden), str(my), "--json", "-o", str(tmp_path)]
        code = main([*arguments, "--standard", "cann-commercial-L1", "--reference", str(third)])
        found = json.loads(capsys.readouterr().out)
        assert code == (0 if third == alike else 1)
        assert not [r for r in found["rows"] if "no reference" in r["cmp_fail_reason"]]
        assert found["summary"]["passed"] >= 20


def test_a_third_dump_goes_with_any_standard(dumps: Path) -> None:
    np.save(dumps / "third" / "c.npy", np.zeros(3))
    found = list(compare_dumps(dumps / "golden", dumps / "my", reference=dumps / "third"))
    errors = [result.metrics.get(REFERENCE_ERROR) for result in found]
    golden = np.load(dumps / "golden" / "a.npy")
    off = np.linalg.norm(np.load(dumps / "third" / "a.npy") - golden) / np.linalg.norm(golden)
    assert errors[0] == pytest.approx(off, rel=1e-9)
    assert errors[1] > 0
    assert errors[2] is None, "a third of another shape tells nothing"
    plain = list(compare_dumps(dumps / "golden", dumps / "my"))
    assert [result.passed for result in found] == [result.passed for result in plain]
    for one, other in zip(plain, found, strict=True):
        assert {**other.metrics, **one.metrics} == dict(other.metrics)


def test_what_a_third_dump_was_taken_for_and_how_far_it_reaches(
    dumps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    third = str(dumps / "third")
    sides = ["compare", str(dumps / "golden"), str(dumps / "my"), "-o", str(dumps)]
    main([*sides, "--reference", third])
    said = capsys.readouterr().out
    assert f"reference: flat in {third} (2 files" in said
    assert "coverage: pairs 3, with reference 2, unmatched golden 0" in said
    main([*sides, "--reference", third, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["recognised"]["reference"]["root"] == third
    assert found["summary"]["coverage"]["with_reference"] == 2
    main(sides)
    assert "with reference" not in capsys.readouterr().out


@pytest.mark.parametrize("side", ["golden", "my"])
def test_neither_of_the_two_is_a_third(
    dumps: Path, side: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["compare", str(dumps / "golden"), str(dumps / "my"), "-o", str(dumps)]
    assert main([*sides, "--reference", str(dumps / "my" / ".." / side)]) == 2
    assert f"is {side} itself; give a third dump, or none" in capsys.readouterr().err
