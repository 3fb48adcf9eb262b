"""Models of Kaldi's nnet3, written here by what its `Write` does, are read as what was written."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sizer.errors import InputError
from sizer.files.reading import read_contents

CONFIG = "input-node name=input dim=40\ncomponent-node name=lstm.W component=lstm.W input=Append(-1,0,1)\n"
TDNN = "TdnnComponent"
LSTM = "LstmNonlinearityComponent"


def token(word: str) -> bytes:
    return word.encode() + b" "


def whole(value: int) -> bytes:
    return b"\4" + struct.pack("<i", value)


def decimal(value: float) -> bytes:
    return b"\4" + struct.pack("<f", value)


def matrix(*sizes: int, double: bool = False) -> bytes:
    values = 1
    for size in sizes:
        values *= size
    sign = ("D" if double else "F") + ("M" if len(sizes) == 2 else "V")
    return token(sign) + b"".join(whole(size) for size in sizes) + bytes(values * (8 if double else 4))


def packed(sign: str, rows: int, columns: int) -> bytes:
    """Return a compressed matrix: in 8 bits with 4 numbers of 16 bits for each column, or in 16 bits."""
    values = rows * columns + 8 * columns if sign == "CM" else 2 * rows * columns
    return token(sign) + struct.pack("<2f2i", -1, 2, rows, columns) + bytes(values)


def listed(*values: int) -> bytes:
    return b"\4" + struct.pack(f"<{len(values) + 1}i", len(values), *values)


def component(name: str, kind: str, *parts: bytes) -> bytes:
    return token("<ComponentName>") + token(name) + token(f"<{kind}>") + b"".join(parts) + token(f"</{kind}>")


def binary() -> bytes:
    components = [
        component(
            "lstm.W",
            TDNN,
            token("<LearningRate>") + decimal(0.001),
            token("<TimeOffsets>") + listed(-1, 0, 1),
            token("<LinearParams>") + matrix(32, 120),
            token("<BiasParams>") + matrix(32),
            token("<UseNaturalGradient>") + b"T",
            token("<RankInOut>") + whole(20) + whole(80),
        ),
        component(
            "lstm.nonlin",
            LSTM,
            token("<LearningRate>") + decimal(0.5),
            token("<Params>") + matrix(3, 8),
            token("<ValueAvg>") + matrix(5, 8, double=True),
            token("<SelfRepairConfig>") + matrix(10),
            token("<Count>") + b"\x08" + struct.pack("<d", 2e6),
        ),
        component(
            "packed",
            "AffineComponent",
            token("<LinearParams>") + packed("CM", 6, 5),
            token("<BiasParams>") + packed("CM2", 6, 1),
        ),
        component("norm", "BatchNormComponent", token("<Dim>") + whole(8), token("<TestMode>") + b"F"),
    ]
    nnet = token("<Nnet3>") + b"\n" + CONFIG.encode() + b"\n" + token("<NumComponents>") + whole(len(components))
    return b"\0B" + token("<TransitionModel>") + bytes(5000) + nnet + b"".join(components) + token("</Nnet3>")


TEXT = f"""<Nnet3>
{CONFIG}
<NumComponents> 2
<ComponentName> lstm.W <{TDNN}> <LearningRate> 0.001 <TimeOffsets> [ -1 0 1 ]
<LinearParams>  [
  1 2 3
  4 5 6 ]
<BiasParams>  [ 0.5 0.25 ]
</{TDNN}>
<ComponentName> lstm.nonlin <{LSTM}> <Params>  [
  1 2 ]
<UseDropout> F </{LSTM}>
</Nnet3>
"""


def test_a_binary_model(tmp_path: Path) -> None:
    path = tmp_path / "final.mdl"
    path.write_bytes(binary())
    (found,) = read_contents(path)
    assert found.format == "kaldi nnet3"
    assert [(t.name, t.shape, t.dtype, t.role) for t in found.tensors] == [
        ("lstm.W.LinearParams", (32, 120), "float32", "weight"),
        ("lstm.W.BiasParams", (32,), "float32", "weight"),
        ("lstm.nonlin.Params", (3, 8), "float32", "weight"),
        ("lstm.nonlin.ValueAvg", (5, 8), "float64", "buffer"),
        ("lstm.nonlin.SelfRepairConfig", (10,), "float32", "buffer"),
        ("packed.LinearParams", (6, 5), "uint8", "weight"),
        ("packed.BiasParams", (6, 1), "uint16", "weight"),
    ]
    by_name = {layer.name: layer for layer in found.layers if layer.kind.endswith("Component")}
    assert [layer.kind for layer in found.layers][:2] == ["input-node", "component-node"]
    assert by_name["lstm.W"].settings["TimeOffsets"] == [-1, 0, 1]
    assert by_name["lstm.nonlin"].settings["Count"] == 2e6
    assert by_name["norm"].settings == {"Dim": 8, "TestMode": False}


def test_a_model_in_text(tmp_path: Path) -> None:
    path = tmp_path / "final.txt"
    path.write_text(TEXT)
    (found,) = read_contents(path)
    assert [(t.name, t.shape) for t in found.tensors] == [
        ("lstm.W.LinearParams", (2, 3)),
        ("lstm.W.BiasParams", (2,)),
        ("lstm.nonlin.Params", (1, 2)),
    ]
    assert found.format == "kaldi nnet3 text"


def test_an_xconfig(tmp_path: Path) -> None:
    path = tmp_path / "network.xconfig"
    path.write_text(
        "# an LSTM\ninput dim=40 name=input\nlstmp-layer name=lstm1 cell-dim=512 recurrent-projection-dim=128"
        " input=Append(-1, 0, 1) decay-time=20\n  output-layer name=output dim=3000 max-change=1.5"
    )
    (found,) = read_contents(path)
    assert [(layer.kind, layer.name) for layer in found.layers] == [
        ("input", "input"),
        ("lstmp-layer", "lstm1"),
        ("output-layer", "output"),
    ]
    assert found.layers[1].settings["recurrent-projection-dim"] == 128
    assert found.layers[1].settings["input"] == "Append(-1, 0, 1)"
    assert found.format == "kaldi xconfig"


@pytest.mark.parametrize("cut", [3, 30, 5100, 5300, 6000, -20])
def test_one_that_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "final.mdl"
    path.write_bytes(binary()[:cut])
    with pytest.raises(InputError):
        read_contents(path)
