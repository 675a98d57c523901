"""Lightning checkpoints as JSON and safetensors through `cartopath.store`: nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from cartopath.core.errors import ArtifactError
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.weights import read_arrays, write_arrays
from cartopath.training.state_tree import join_tree, split_tree
from cartopath.training.work_dir import RESUME_KIND


class SafetensorsIO(CheckpointIO):  # type: ignore[misc]
    """Writes a checkpoint as `NAME.json`, which names its arrays, and `NAME-EPOCH.safetensors`.

    The arrays come first and the JSON replaces its predecessor in one step, so a kill leaves the previous checkpoint or this one.

    Args:
        key: Of the training, kept in the JSON, by which `WorkDir` tells its own states.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint, then delete the arrays of the previous one."""
        path = Path(path)
        tree, arrays = split_tree(checkpoint)
        arrays_path = path.with_name(f"{path.stem}-{checkpoint.get('epoch', 0):06d}.safetensors")
        write_arrays(arrays, arrays_path)
        content = {"key": self.key, "arrays": arrays_path.name, "tree": tree}
        write_json(content, path, Header(kind=RESUME_KIND, key=self.key))
        for old in _arrays_of(path):
            if old.name != arrays_path.name:
                old.unlink(missing_ok=True)

    def load_checkpoint(self, path: str | Path, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint; its tensors are on the CPU.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        path = Path(path)
        content = read_json(path, RESUME_KIND)
        try:
            arrays_path = path.with_name(Path(content["arrays"]).name)
            tree = content["tree"]
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: damaged training state; delete it to start this training again") from error
        checkpoint: dict[str, Any] = join_tree(tree, read_arrays(arrays_path))
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint with its arrays."""
        path = Path(path)
        path.unlink(missing_ok=True)
        for arrays in _arrays_of(path):
            arrays.unlink(missing_ok=True)


def _arrays_of(path: Path) -> list[Path]:
    return [file for file in path.parent.glob("*.safetensors") if file.stem.rpartition("-")[0] == path.stem]
