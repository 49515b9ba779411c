import ast
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "separate_vocals.ipynb"
SMALL = "SONGS, SECONDS, EPOCHS, CROPS, HIDDEN_CHANNELS, DEPTH = 3, 2, 1, 4, 2, 1"


def assigned(source):
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


@pytest.fixture
def notebook():
    nbformat = pytest.importorskip("nbformat", reason="the extra dev is not installed")
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_notebook_runs(notebook, tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient", reason="the extra dev is not installed")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]), prepend=":")
    [parameters] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    assert assigned(parameters.source) == assigned(SMALL)
    parameters.source = SMALL
    client.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [set(output.get("data", ())) for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/jpeg" in kind for kind in kinds) == 4
    assert sum("text/html" in kind for kind in kinds) >= 3  # players
    text = "".join(
        output.text for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "stream"
    )
    assert "The networks are the same." in text and text.count("SI-SDR of the") == 2
    assert text.count("largest difference between the frameworks") == 2
    assert (tmp_path / "vocals" / "trained_on" / "checkpoint" / "best.safetensors").exists()


def test_the_notebook_shows_what_it_did(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)
    assert sum("image/jpeg" in output.get("data", ()) for output in outputs) == 4
    assert NOTEBOOK.stat().st_size < 1_000_000
