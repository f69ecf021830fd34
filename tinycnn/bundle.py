"""A model as one `.npz` file: arrays and a JSON text, sealed with a SHA-256 over both. Never pickle, nothing in it is executed.

The file is a plain, uncompressed zip of `.npy` members: one an array, and `__meta__`, the UTF-8 bytes of the JSON text, and
`__seal__`, the digest. Whatever changes a weight, a name, a shape or the text is refused on reading; so is, before anything is
decoded or allocated, a file whose members claim more than the file holds.

`save` and `load` are for models; `write_arrays` and `read_arrays` serve every file of this kind.
"""

from __future__ import annotations

import os

import numpy as np

from tinycnn.blocks import Branches, Residual, SqueezeExcite
from tinycnn.files import write_bytes
from tinycnn.layers import activations, conv, conv_transpose, dense, dropout, group_norm, norm, pool, reshape
from tinycnn.layers.base import Layer, walk
from tinycnn.model import Sequential
from tinycnn.recompute import Checkpoint

FORMAT = 1
MAX_FILE = 4 << 30  # bytes
MAX_META = 64 << 20
MAX_MEMBERS = 100_000
MAX_AXES = 32
META, SEAL = "__meta__", "__seal__"

KINDS = {
    kind.__name__: kind
    for kind in (
        SqueezeExcite,
        activations.ELU,
        activations.GELU,
        activations.LeakyReLU,
        activations.ReLU,
        activations.SiLU,
        activations.Sigmoid,
        activations.Softmax,
        activations.Softplus,
        activations.Tanh,
        conv.Conv1D,
        conv.Conv2D,
        conv.Conv3D,
        conv_transpose.ConvTranspose2D,
        dense.Dense,
        dropout.Dropout,
        group_norm.GroupNorm,
        group_norm.LayerNorm,
        norm.BatchNorm,
        pool.AvgPool1D,
        pool.AvgPool2D,
        pool.AvgPool3D,
        pool.GlobalAvgPool,
        pool.GlobalMaxPool,
        pool.MaxPool1D,
        pool.MaxPool2D,
        pool.MaxPool3D,
        reshape.Flatten,
        reshape.Pad,
        reshape.Reshape,
        reshape.Upsample,
    )
}


class BundleError(ValueError):
    """A model file that is damaged, altered, too large, or not ours; the message says which."""


def save(path: str | os.PathLike, model: Sequential) -> None:
    """Write a built model, whole or not at all. Raises ValueError for NaN or for a layer of the caller's own, OSError."""
    arrays, meta = pack(model)
    write_arrays(path, arrays, {"model": meta})


def load(path: str | os.PathLike) -> Sequential:
    """Read a model written by `save`. Raises BundleError for any other file, OSError where it cannot be read."""
    arrays, meta, _ = read_arrays(path)
    if "model" not in meta:
        kinds = ", ".join(sorted(set(meta) - {"format"})) or "nothing"
        raise BundleError(f"it holds no model of tinycnn's own but {kinds}; load it with the package that wrote it")
    return unpack(arrays, meta["model"])


def pack(model: Sequential) -> tuple[dict[str, np.ndarray], dict]:
    """A built model as arrays and a JSON-able description."""
    if not isinstance(model, Sequential):
        raise ValueError(f"save: got a {type(model).__name__}; wrap it: Sequential(...)")
    store = model.built()
    unknown = sorted({type(x).__name__ for _, x in walk(model)} - {*KINDS, "Sequential", "Residual", "Branches", "Checkpoint"})
    if unknown:
        raise ValueError(f"save: {', '.join(unknown)} is not a layer of tinycnn; a file cannot carry its code")
    state = model.get_state()
    bad = [name for name, array in state.items() if not np.isfinite(array).all()]
    if bad:
        raise ValueError(f"save: {bad[0]} holds NaN or inf; such a file would be refused on loading")
    frozen = [path for path, layer in walk(model) if layer.frozen]
    description = {
        "architecture": model.config(),
        "input_shape": list(model.input_shape),
        "dtype": store.dtype.name,
        "frozen": frozen,
        "seed": model.seed,
        "steps": model.steps,
    }
    return state, description


def unpack(arrays: dict[str, np.ndarray], description: dict) -> Sequential:
    """The model again. Raises BundleError unless description and arrays fit each other and every number is finite."""
    try:
        model = from_config(description["architecture"])
        model.lay_out(tuple(int(n) for n in description["input_shape"]))
        declared = {
            f"{p}.{key}": d.shape for p, x in walk(model) for key, d in (*x.declared.items(), *x.declared_buffers.items())
        }
        if {name: array.shape for name, array in arrays.items()} != declared:  # before anything of that size is allocated
            raise ValueError("the arrays are not those of the architecture")
        dtype = description["dtype"]
        if dtype not in ("float32", "float64") or any(array.dtype != dtype for array in arrays.values()):
            raise ValueError("the arrays are not of the type stated")
        bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        if bad:
            raise ValueError(f"{bad[0]} holds NaN or inf")
        model.allocate(dtype)
        model.set_state(arrays)
        if description["frozen"]:
            model.freeze(*description["frozen"])
        model.seed, model.steps = int(description["seed"]), int(description["steps"])
        if not (0 <= model.seed < 1 << 128 and 0 <= model.steps < 1 << 64):  # what the random numbers can be keyed by
            raise ValueError(f"seed {model.seed:.3g} or steps {model.steps:.3g} is out of range")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(f"not a usable model: {error}") from None
    return model


def from_config(config: dict) -> Layer:
    """A layer from its `config()`."""
    arguments = dict(config)
    kind = arguments.pop("kind")
    if kind == "Sequential":
        return Sequential(*map(from_config, arguments["layers"]))
    if kind == "Residual":
        shortcut = arguments["shortcut"]
        return Residual(from_config(arguments["body"]), shortcut=None if shortcut is None else from_config(shortcut))
    if kind == "Checkpoint":
        return Checkpoint(from_config(arguments["body"]))
    if kind == "Branches":
        return Branches(*map(from_config, arguments["paths"]), merge=arguments["merge"])
    if kind not in KINDS:
        raise ValueError(f"unknown layer kind {kind!r}")
    if not set(arguments) <= set(KINDS[kind].arguments):  # one that a file is too old to name has its default
        raise ValueError(f"{kind} with arguments {sorted(arguments)}")
    return KINDS[kind](**arguments)


def write_arrays(path: str | os.PathLike, arrays: dict[str, np.ndarray], meta: dict) -> None:
    """Write named arrays and JSON-able `meta` as one sealed file, whole or not at all."""
    import io
    import json

    text = json.dumps({"format": FORMAT, **meta}, allow_nan=False, sort_keys=True).encode()
    buffer = io.BytesIO()
    seal = np.frombuffer(digest(arrays, text), np.uint8)
    np.savez(buffer, **arrays, **{META: np.frombuffer(text, np.uint8), SEAL: seal})
    write_bytes(path, buffer.getvalue())


def read_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict, str]:
    """The arrays, the meta and the hexadecimal digest of a file by `write_arrays`. Raises BundleError, OSError."""
    import io
    import json
    import zipfile
    import zlib

    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE:
            raise BundleError(f"the file has {size} bytes; at most {MAX_FILE} are read")
        content = file.read(size)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _read_members(archive, len(content))
        text = members.pop(META).tobytes()
        seal = members.pop(SEAL).tobytes()
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError("not a tinycnn model file, or a damaged one") from None
    if digest(members, text) != seal:
        raise BundleError("its content was altered or damaged after it was written: the SHA-256 does not match")
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        raise BundleError("its description cannot be read") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise BundleError(f"its format is not {FORMAT}; it was written by another version")
    return members, meta, seal.hex()


def digest(arrays: dict[str, np.ndarray], text: bytes) -> bytes:
    """SHA-256 over the text and, by name, every array's name, type, shape and bytes."""
    import hashlib

    seal = hashlib.sha256(b"%d\n" % len(text) + text)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        seal.update(f"\n{name!r} {array.dtype.str} {array.shape}\n".encode())
        seal.update(array.tobytes())
    return seal.digest()


def _read_members(archive, size: int) -> dict[str, np.ndarray]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS or len({info.filename for info in infos}) < len(infos):
        raise BundleError(f"it has {len(infos)} members, too many or twice the same")
    if sum(info.file_size for info in infos) > size:
        raise BundleError("its members together claim more than the file holds")
    for info in infos:
        if info.compress_type != 0 or info.file_size > size or not info.filename.endswith(".npy"):
            raise BundleError(f"its member {info.filename!r} is compressed, larger than the file, or no array")
        if info.filename == f"{META}.npy" and info.file_size > MAX_META:
            raise BundleError("its description is too large")
    return {info.filename[:-4]: _read_array(archive, info) for info in infos}


def _read_array(archive, info) -> np.ndarray:
    """One `.npy` member; its header must claim exactly what the member holds, before NumPy allocates anything for it."""
    import io

    stream = io.BytesIO(archive.read(info))
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read_header(stream)
    except Exception:  # NumPy parses the header as Python text, and nonsense there raises whatever that parser raises
        raise BundleError(f"its array {info.filename[:-4]!r} has a header that cannot be read") from None
    count = 1
    for n in shape:
        count *= n
    claimed = count * dtype.itemsize
    if dtype.hasobject or len(shape) > MAX_AXES or fortran or claimed != info.file_size - stream.tell():
        raise BundleError(f"its array {info.filename[:-4]!r} does not hold what it claims")
    return np.frombuffer(stream.read(), dtype).reshape(tuple(map(int, shape)))
