"""Checkpoints of a training by orbax: whole or not at all, with checksums, only for the training that they are of."""

import hashlib
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Facts = dict[str, Any]


class Checkpoints:
    """The last two checkpoints of a training in a folder; a context manager.

    Args:
        folder: made if it is not there.
        setting: what a training must have in common with one that it goes on with; plain numbers and texts.

    Raises: ImportError where orbax is missing.
    """

    def __init__(self, folder: pathlib.Path, setting: Facts):
        try:
            import orbax.checkpoint as orbax
        except ImportError as error:
            raise ImportError(f'checkpoints need orbax ({error}): pip install "memjax[train]"') from error
        self._orbax, self._setting, self._folder = orbax, setting, folder
        # Written under another name and renamed when complete: what was being written when a run was killed does not
        # count as a checkpoint.
        options = orbax.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = orbax.CheckpointManager(folder.resolve(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_) -> None:
        self._manager.close()

    def save(self, step: int, state: Any, facts: Facts) -> None:
        """Keep the arrays of `state` and `facts`, which are plain JSON."""
        about = {"setting": self._setting, "shapes": _shapes(state), "facts": facts, "sums": _sums(_flat(state))}
        about["checksum"] = _checksum(json.dumps(about, sort_keys=True).encode())
        arrays, text = self._orbax.args.StandardSave(_flat(state)), self._orbax.args.JsonSave(about)
        self._manager.save(step, args=self._orbax.args.Composite(state=arrays, about=text), force=True)

    def latest(self, state: Any) -> tuple[Any, Facts] | None:
        """(arrays in the place of those of `state`, facts) of the last whole checkpoint; None if there is none.

        Args:
            state: of which only structure, shapes and types matter (`jax.eval_shape`).

        Raises: ValueError for a checkpoint of another setting or of other arrays, and for one that cannot be read.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        composite, args = self._orbax.args.Composite, self._orbax.args
        path = self._folder / str(step)
        try:
            about = self._manager.restore(step, args=composite(about=args.JsonRestore())).about
            if about.pop("checksum") != _checksum(json.dumps(about, sort_keys=True).encode()):
                raise ValueError("what it says of itself does not fit its checksum")
        except Exception as error:  # orbax and tensorstore raise many kinds
            raise _damaged(path, error) from error
        cure = "choose another --out or remove it"
        for name, value in self._setting.items():
            if about["setting"].get(name) != value:
                was = about["setting"].get(name)
                raise ValueError(f"checkpoint {str(path)!r} is of {name} {was!r}, not {value!r}: {cure}")
        wanted = _shapes(state)
        for name in dict.fromkeys([*wanted, *about["shapes"]]):
            was, now = about["shapes"].get(name, "no array"), wanted.get(name, "no array")
            if was != now:
                raise ValueError(f"checkpoint {str(path)!r} has {was} where this training has {now}, {name}: {cure}")
        place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        flat = _flat(state)
        target = {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place) for name, leaf in flat.items()}
        try:
            found = self._manager.restore(step, args=composite(state=args.StandardRestore(target))).state
            if _sums(found) != about["sums"]:
                raise ValueError("its arrays do not fit their checksums")
        except Exception as error:
            raise _damaged(path, error) from error
        return jax.tree.unflatten(jax.tree.structure(state), [found[name] for name in target]), about["facts"]


def _flat(state: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {f"{index:04} {jax.tree_util.keystr(path)}".replace("/", "|"): leaf for index, (path, leaf) in
            enumerate(leaves)}  # fmt: skip


def _shapes(state: Any) -> dict[str, str]:
    return {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in _flat(state).items()}


def _sums(flat: dict[str, Any]) -> dict[str, str]:
    """A checksum for each array."""
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    data = {name: jax.random.key_data(leaf) if is_key(leaf) else leaf for name, leaf in flat.items()}
    return {name: _checksum(np.ascontiguousarray(leaf).tobytes()) for name, leaf in data.items()}


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _damaged(path: pathlib.Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split())[:300]
    return ValueError(f"checkpoint {str(path)!r} cannot be read ({reason}): remove it to go on from the one before")
