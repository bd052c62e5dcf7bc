"""What is found for an operator once must be what each token by itself would have given."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.torchair import Ahead, Input, Op, Tree, graph_text
from trueness.discover.torchair_fx import TorchairFx
from trueness.discover.torchair_ge import TorchairGe
from trueness.errors import FormatError
from trueness.model import Describe, Described, TensorRef
from trueness.pair import alike
from trueness.pair.alike import Operators
from trueness.pair.fusion import FusedNames
from trueness.pair.operator import FxToken, pair_operator

ADD = Op("Add", "add-aten.add.Tensor", [Input((3, 4)), Input((4,)), Input((), ge=False)], 1)
MUL = Op("Mul", "mul-aten.mul.Tensor", [Input((7, 0)), Input((5, 6))], 2, edges=["Add:0"])
CHAIN = (
    Op("Conv", "conv-aten.conv.default", [Input((8, 9)), Input((9,))], 1),
    Op("Relu", "relu-aten.relu.default", [Input((7, 0))], 1, edges=["Conv:0"]),
)
STEPS = [ADD, MUL, CHAIN]
TOKENS = 4
OBJECT = "an object array"
DAMAGE = ("none", "gone", "broken", OBJECT, "other shape", "two tensors")


def written(root: Path) -> Tree:
    tree = Tree(root)
    for token in range(TOKENS):
        tree.write(0, 1, token, STEPS, graph_text(STEPS))
        folder = tree._ge_folder("ge", 0, 1, token)
        header = [Described("input", 0, "float32", (2,)), Described("output", 0, "int8", (2,))]
        tree.file(folder / f"TransData.trans_1.3.2.{tree.clock}", header)
        tree.file(folder / f"MemSet.memset_1.3.2.{tree.clock}", header)
    return tree


def tokens(tree: Tree) -> Iterator[tuple[list[TensorRef], list[TensorRef]]]:
    fx = TorchairFx().discover(tree.root / "fx", rank=None, token=None).tensors
    ge = TorchairGe().discover(tree.root / "ge", rank=None, token=None).tensors
    for token in range(TOKENS):
        yield [r for r in fx if r.token == token], [r for r in ge if r.token == token]


def graph(tree: Tree) -> FusedNames:
    (found,) = TorchairGe().discover(tree.root / "ge", rank=None, token=None).graphs
    return FusedNames(found.ops)


def damaging(tree: Tree, damage: dict[str, str]) -> Describe:
    def describe(ref: TensorRef) -> Sequence[Described]:
        kind = damage.get(ref.path, "none")
        if kind == "broken":
            raise FormatError(ref.path, 3, "", "a header", "nothing")
        if kind == OBJECT:
            raise FormatError(ref.path, 3, "", "a dtype", "'|O'")
        header = tree.headers[ref.path]
        if kind == "other shape":
            return [header[0]._replace(shape=(1, 1, 1)), *header[1:]]
        return [*header, *header] if kind == "two tensors" else header

    return describe


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(DAMAGE)), max_size=6))
@settings(max_examples=20)
def test_rows_are_those_of_each_token_alone(places: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = written(Path(folder))
        paths = sorted(path for path in tree.headers if "/off/" not in path)
        damage = {paths[number % len(paths)]: kind for number, kind in places}
        for path in (path for path, kind in damage.items() if kind == "gone"):
            Path(path).unlink()
        names, describe = graph(tree), damaging(tree, damage)
        operators = Operators(names, describe)
        for golden, mine in tokens(tree):
            fx, own = FxToken(golden), FxToken(golden)
            alone = [row for ge in mine for row in pair_operator(names, ge, own, describe)]
            assert list(operators.rows(mine, fx)) == alone
            assert list(fx.unused()) == list(own.unused())


def test_an_operator_is_looked_at_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = written(tmp_path)
    looked: list[str] = []

    def counted(names: object, ge: TensorRef, *others: object) -> object:
        looked.append(ge.op_name)
        return pair_operator(names, ge, *others)

    monkeypatch.setattr(alike, "pair_operator", counted)
    operators = Operators(graph(tree), tree.describe)
    for golden, mine in tokens(tree):
        assert list(operators.rows(mine, FxToken(golden)))
    assert sorted(looked) == sorted(2 * ["Add", "ConvRelu", "Mul", "memset_1", "trans_1"])


def test_what_is_remembered_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = written(tmp_path)
    names = graph(tree)
    monkeypatch.setattr(alike, "MAX_KNOWN", 2)
    operators = Operators(names, tree.describe)
    for golden, mine in tokens(tree):
        own = FxToken(golden)
        alone = [row for ge in mine for row in pair_operator(names, ge, own, tree.describe)]
        assert list(operators.rows(mine, FxToken(golden))) == alone
        assert len(operators._known) <= 2


def test_headers_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = written(tmp_path)
    names = graph(tree)
    monkeypatch.setattr(alike, "AHEAD", 2)
    operators = Operators(names, Ahead(tree))
    for golden, mine in tokens(tree):
        own = FxToken(golden)
        alone = [row for ge in mine for row in pair_operator(names, ge, own, tree.describe)]
        assert list(operators.rows(mine, FxToken(golden))) == alone
