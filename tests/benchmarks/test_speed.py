"""The scripts that measure speed and scaling: the text that they read, and runs that are as short as can be."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from collectives import communicated
from compile_time import read_log

ROOT = Path(__file__).parents[2]

PROGRAM = """
  %fusion = f32[8,16]{1,0} fusion(%p0, %p1), kind=kLoop, calls=%fused
  %all-reduce.3 = f32[] all-reduce(%x), channel_id=1, replica_groups={{0,1}}, to_apply=%add
  ROOT %all-reduce.1 = (f32[16]{0}, bf16[3,5]{1,0}) all-reduce(%a, %b), channel_id=2, to_apply=%add
  %all-gather.7 = c64[2,1,4]{2,1,0} all-gather(%c), dimensions={0}
  %get = f32[16]{0} get-tuple-element(%all-reduce.1), index=0
"""
GPU = """
  %all-reduce-start = f32[100]{0} all-reduce-start(%a), channel_id=1, to_apply=%add
  %all-reduce-done = f32[100]{0} all-reduce-done(%all-reduce-start)
  %all-gather-start.1 = (f32[8]{0}, f32[16]{0}) all-gather-start(%b), dimensions={0}
  %permute = u8[7]{0} collective-permute(%c), source_target_pairs={{0,1}}
"""
LOG = """
Finished tracing train_step for jit in 1.500000000 sec
Compiling jit(train_step) with global shapes and types [ShapedArray(float32[2])]. Argument mapping: (1,).
Finished jaxpr to MLIR module conversion jit(train_step) in 0.250000000 sec
Finished XLA compilation of jit(train_step) in 3.000000000 sec
Compiling jit(train_step) with global shapes and types [ShapedArray(float32[3])]. Argument mapping: (1,).
Finished XLA compilation of jit(train_step) in 2.000000000 sec
Compiling jit(<lambda>) with global shapes and types []. Argument mapping: ().
Compiling jit(<lambda>) with global shapes and types []. Argument mapping: ().
"""


def run(script, *arguments, status=0):
    done = subprocess.run([sys.executable, ROOT / "benchmarks" / script, *arguments], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done


def rows(text):
    """The cells of a table's lines, without its head."""
    return [
        [cell.strip() for cell in line.strip("| ").split(" |")]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith(("| ---", "| network", "| crops from", "| `auralflow"))
    ]


def test_bytes_are_those_of_the_results_of_collective_operations():
    assert communicated(PROGRAM) == {"all-reduce": 4 + 64 + 30, "all-gather": 64}
    assert communicated(GPU) == {"all-reduce": 400, "all-gather": 64, "collective-permute": 7}


def test_a_program_that_is_compiled_again_for_the_same_shapes_is_counted():
    log = read_log(LOG)
    assert log.seconds["train_step"] == [1.5, 0.25, 5.0]
    assert log.times == {"train_step": 1, "<lambda>": 2}


def test_a_peer_that_is_not_installed_is_said(tmp_path):
    from peers import lacks

    assert lacks(sys.executable, "no_such_package") and not lacks(sys.executable, "numpy")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("scaling.py --set foo=1", "unknown key 'foo' of SpectrogramNetSimple"),
        ("scaling.py --devices 0", "argument --devices: '0' is no whole number from 1 on"),
        ("scaling.py --processes 3", "--batch 8 cannot be divided among 3 devices or processes"),
        ("learning_curves.py F --set foo", "argument --set: 'foo' is no setting, which is written KEY=VALUE"),
        ("learning_curves.py F --model BSRoformer --set foo=1", "unknown key 'foo' of BSRoformer"),
        ("learning_curves.py F --epochs 0", "argument --epochs: '0' is no whole number from 1 on"),
        ("compile_time.py --batch 0", "argument --batch: '0' is no whole number from 1 on"),
        ("memory.py Nope", "Nope: no such file or folder, and no pretrained model of that name"),
        ("memory.py --minutes nan", "argument --minutes: 'nan' is no number above 0"),
        ("train_step.py --rounds 0", "argument --rounds: '0' is no whole number from 1 on"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(command, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "benchmarks" / sys.argv[0]), run_name="__main__")
    said = capsys.readouterr()
    assert end.value.code == 2 and said.out == "" and list(tmp_path.iterdir()) == []
    *usage, message = said.err.splitlines()
    assert usage[0].startswith("usage: ") and message.startswith(f"{sys.argv[0]}: error: {words}")


@pytest.mark.slow
def test_devices_and_processes_communicate_gradients_and_nothing_else():
    small = ["--set", "hidden_channels=2", "depth=2", "num_bins=128", "sample_length=0.5"]
    lines = rows(run("scaling.py", "--devices", "1", "2", "--processes", "2", "--steps", "2", *small).stdout)
    assert [(line[2], line[3]) for line in lines] == 2 * [("1", "1"), ("2", "1"), ("1", "2")]
    assert {line[7] for line in lines} == {"nothing"}
    for line in lines:
        assert float(line[5]) < 1e-4 and (float(line[6].removesuffix(" MB")) > 0) == (line[2:4] != ["1", "1"])


@pytest.mark.slow
def test_the_benchmark_of_gpus_runs_without_one():
    """Every figure of its tables is a positive number."""
    done = run("gpu.py", "--model", "AudioNetSimple", "--precision", "float32", "--minutes", "20")
    lines = rows(done.stdout)
    assert [line[2:4] for line in lines if line[0] == "AudioNetSimple"] == [
        [what, side] for what in ("separation", "training") for side in ("jax", "torch eager", "torch compiled")
    ]
    assert len(lines) == 6 + 4 + 2, done.stdout + done.stderr
    for line in lines:
        figures = line[4:7] if len(line) > 3 else line[1:]
        assert all(float(figure.split()[0]) > 0 for figure in figures), line
