"""Tables and chart of a profile, from traces as ONNX Runtime writes them."""

import json

from trueness.benchmark.onnx_profile import profile_of, write
from trueness.benchmark.profile_chart import MOST, OpTime, page


def event(name: str, at: int, length: int, op: str = "", number: int = 0) -> dict:
    if not op:
        return {"cat": "Session", "name": name, "ts": at, "dur": length}
    arguments = {"op_name": op, "node_index": str(number)}
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "ts": at,
        "dur": length,
        "args": arguments,
    }


RUNS = [
    event("model_loading_uri", 0, 50),
    *(event("slow", 60, 900, "Conv", 1), event("model_run", 55, 910)),
    *(event("slow", 1001, 30, "Conv", 1), event("", 1035, 10, "Relu", 2)),
    *(event("", 1050, 20, "Relu", 3), event("model_run", 1000, 80)),
    *(event("slow", 2001, 40, "Conv", 1), event("model_run", 2000, 50)),
]


def test_warm_up_is_left_out_and_nodes_without_a_name_are_told_apart():
    found = profile_of(RUNS, 1)
    assert found.runs == 2
    assert [(one.name, one.calls, one.total) for one in found.nodes] == [
        ("slow", 2, 70),
        ("Relu_3", 1, 20),
        ("Relu_2", 1, 10),
    ]
    assert [(one.name, one.share) for one in found.types] == [("Conv", 0.7), ("Relu", 0.3)]
    assert profile_of(RUNS, 0).nodes[0].calls == 3


def test_names_of_files_carry_the_model_only_when_that_is_wanted(tmp_path):
    for rename in (True, False):
        folder = tmp_path / str(rename) / "device_0"
        for name in ("timeline", "summary"):
            (folder / name).mkdir(parents=True)
        (folder / "timeline" / "trace_2026-11-30.json").write_text(json.dumps(RUNS))
        write(str(folder / "timeline" / "trace"), "net", 1, rename=rename)
        names = sorted(path.name for path in folder.rglob("*.*"))
        ends = {name.partition("_net_")[2].partition(".")[0] for name in names}
        stems = [name.partition("_net_")[0].partition(".")[0] for name in names]
        assert stems == ["op_chart", "op_statistic", "op_summary", "trace"]
        assert [len(end) for end in ends] == [16 if rename else 0]


def test_hostile_names_are_text(tmp_path):
    name = '<script>alert(1)</script>"\u202ez'
    html = page(name, [OpTime(name, name, 1, 5.0, 1.0)], [], 1)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\u202e" not in html
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "")


def test_many_nodes_are_summed_behind_those_that_count():
    nodes = [OpTime(f"n{i}", "Add", 1, 1.0, 0.001) for i in range(MOST + 30)]
    html = page("net", nodes, [], 1)
    assert "30 more nodes" in html
    assert f"n{MOST}" not in html
