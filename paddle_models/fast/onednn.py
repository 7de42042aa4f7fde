"""oneDNN's C API, called directly in the library that Paddle's own wheel brings (paddle/libs/libdnnl).

Paddle's eager mode never uses oneDNN, and its static programs do so in ways that were seen to give wrong gradients and
to corrupt memory. The library itself is sound. Here is the small part of it that training needs, as thin as it can be;
`program.py` puts primitives together. See https://oneapi-src.github.io/oneDNN/ for the meaning of each constant.
"""

import ctypes
import functools
import importlib.util
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# dnnl_types.h of oneDNN 3; the numbers are part of its stable interface.
BFLOAT16, FLOAT32 = 2, 3
CPU, ANY_LAYOUT, IN_ORDER, USER_SCRATCHPAD, IMPLEMENTATION = 1, 1, 1, 1, 8
TRAINING, BACKWARD = 64, 128
CONVOLUTION_DIRECT, ADD, MULTIPLY, SUM = 1, 0x1FFF0, 0x1FFF1, 0x2FFF4
RELU, CLIP, GELU_TANH, GELU_ERF, RELU_BY_RESULT, CLIP_BY_RESULT = 0x20, 0x2F, 0x2B, 0x31, 0x100, 0x106
LARGEST, MEAN_OF_INSIDE, BILINEAR = 0x1FF, 0x3FF, 0x2FFF1  # pooling (margins do not count), enlarging
GLOBAL_STATISTICS, HAS_SCALE, HAS_SHIFT, FUSED_RELU = 1, 2, 4, 8  # flags of batch normalisation

# Arguments of a primitive, and how its descriptor is asked for their layouts: DNNL_ARG_* -> (dnnl_query_*_md, index).
SRC, SRC_1, DST, WEIGHTS, BIAS, WORKSPACE, SCRATCHPAD = 1, 2, 17, 33, 41, 64, 80
MEAN, VARIANCE, SCALE, SHIFT, MANY_SRC = 49, 50, 51, 52, 1024
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_BIAS, DIFF_SCALE, DIFF_SHIFT = 129, 145, 161, 169, 255, 256
QUERIES = {
    SRC: (129, 0), DIFF_SRC: (130, 0), WEIGHTS: (131, 0), BIAS: (131, 1), DIFF_WEIGHTS: (132, 0), DIFF_BIAS: (132, 1),
    DST: (133, 0), DIFF_DST: (134, 0), WORKSPACE: (135, 0), SCRATCHPAD: (136, 0),
}


class Unavailable(Exception):
    """oneDNN cannot be called here; the text says why."""


class Failure(RuntimeError):
    """oneDNN does not do what it was asked for."""


class _Argument(ctypes.Structure):
    _fields_ = [("which", ctypes.c_int), ("memory", ctypes.c_void_p)]


class _Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_int), ("minor", ctypes.c_int), ("patch", ctypes.c_int), ("hash", ctypes.c_char_p),
                ("cpu_runtime", ctypes.c_uint), ("gpu_runtime", ctypes.c_uint)]


@functools.cache
def library() -> ctypes.CDLL:
    """The oneDNN that Paddle has loaded, or Unavailable."""
    found = importlib.util.find_spec("paddle")
    path = Path(found.origin).parent / "libs" / "libdnnl.so.3" if found and found.origin else None
    if platform.system() != "Linux" or path is None or not path.exists():
        raise Unavailable("this Paddle brings no libdnnl.so.3 (oneDNN 3)")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise Unavailable(f"oneDNN does not load: {error}") from error
    loaded.dnnl_version.restype = ctypes.POINTER(_Version)
    version = loaded.dnnl_version().contents
    if version.major != 3 or version.cpu_runtime != 2:
        raise Unavailable(f"oneDNN {version.major}.{version.minor}, runtime {version.cpu_runtime}; 3.x on OpenMP is "
                          f"covered")
    loaded.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
    loaded.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
    loaded.dnnl_set_primitive_cache_capacity(0)  # operations are cached by their users
    return loaded


def set_threads(count: int) -> None:
    """Threads of the OpenMP runtime that oneDNN uses, which is not the one of Paddle's other kernels."""
    try:
        ctypes.CDLL("libgomp.so.1").omp_set_num_threads(count)
    except OSError:  # another OpenMP: its own default holds
        return


def multiplies_bfloat16() -> bool:
    """Whether the instructions that oneDNN may use here multiply bfloat16 numbers."""
    return bool(library().dnnl_get_effective_cpu_isa() & 0x80)  # dnnl_cpu_isa_avx512_core_bf16 and all that include it


def implementation(descriptor: ctypes.c_void_p) -> str:
    """Which of its implementations oneDNN has chosen: jit:avx512_core, brgconv:..., ref:any, ..."""
    name = ctypes.c_char_p()
    check(library().dnnl_primitive_desc_query(descriptor, IMPLEMENTATION, 0, ctypes.byref(name)), "query")
    return (name.value or b"").decode()


def check(status: int, action: str) -> None:
    if status:
        names = {1: "out of memory", 2: "invalid arguments", 3: "unimplemented", 5: "runtime error"}
        raise Failure(f"oneDNN: {action} failed, {names.get(status, f'status {status}')}")


class Handle(ctypes.c_void_p):
    """A oneDNN object that is destroyed with its Python object."""

    name, destroy = "", None

    def __del__(self):
        if self.destroy is not None and self.value:
            self.destroy(self)


def create(name: str, *arguments) -> Handle:
    """Call dnnl_<name>_create, whose first parameter receives the new object."""
    made = Handle()
    check(getattr(library(), f"dnnl_{name}_create")(ctypes.byref(made), *arguments), f"{name}_create")
    kind = "primitive_desc" if name.endswith("primitive_desc") else name
    made.name, made.destroy = name, getattr(library(), f"dnnl_{kind}_destroy")
    return made


def describe(name: str, *arguments, attributes: ctypes.c_void_p | None = None) -> Handle:
    """The descriptor of a primitive, with the usual attributes where none are given."""
    return create(f"{name}_primitive_desc", engine(), *arguments, attributes or usual())


def int64(values: Sequence[int]) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)


def real(value: float) -> ctypes.c_float:
    return ctypes.c_float(value)


def contiguous(tensor):
    """The Paddle tensor itself, or a contiguous copy of a view."""
    return tensor if tensor.is_contiguous() else tensor.contiguous()


def addresses(*tensors) -> list[int]:
    """Where the numbers of contiguous Paddle tensors begin."""
    return [tensor.data_ptr() for tensor in tensors]


@functools.cache
def engine() -> ctypes.c_void_p:
    return create("engine", CPU, ctypes.c_size_t(0))


@functools.cache
def _stream() -> ctypes.c_void_p:
    return create("stream", engine(), IN_ORDER)


@functools.cache
def attributes(activation: int = 0, alpha: float = 0.0, beta: float = 0.0, adding: bool = False) -> ctypes.c_void_p:
    """Of every primitive: working memory comes from us, sums in the same order at every run.

    activation: applied to the result (RELU from 0 on, CLIP to alpha .. beta), or 0. adding: to what the result held.
    """
    made = create("primitive_attr")
    check(library().dnnl_primitive_attr_set_scratchpad_mode(made, USER_SCRATCHPAD), "scratchpad mode")
    if hasattr(library(), "dnnl_primitive_attr_set_deterministic"):
        check(library().dnnl_primitive_attr_set_deterministic(made, 1), "deterministic")
    after = create("post_ops")
    if adding:
        check(library().dnnl_post_ops_append_sum(after, real(1), 0, 0), "sum")
    if activation:
        check(library().dnnl_post_ops_append_eltwise(after, activation, real(alpha), real(beta)), "activation")
    check(library().dnnl_primitive_attr_set_post_ops(made, after), "operations on the result")
    return made


def usual() -> ctypes.c_void_p:
    """Attributes without an operation on the result."""
    return attributes()


@functools.cache
def plain(shape: tuple[int, ...], kind: int = FLOAT32) -> ctypes.c_void_p:
    """Layout of a contiguous array of numbers of this kind."""
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return strided(shape, tuple(strides), kind)


@functools.cache
def strided(shape: tuple[int, ...], strides: tuple[int, ...], kind: int = FLOAT32) -> ctypes.c_void_p:
    """Layout of an array with these steps from element to element, in elements."""
    made = ctypes.c_void_p()
    check(library().dnnl_memory_desc_create_with_strides(
        ctypes.byref(made), len(shape), int64(shape), kind, int64(strides)), "memory description")
    return made


@functools.cache
def any_layout(shape: tuple[int, ...], kind: int = FLOAT32) -> ctypes.c_void_p:
    """The layout that the primitive likes best, for numbers of this kind."""
    made = ctypes.c_void_p()
    check(library().dnnl_memory_desc_create_with_tag(
        ctypes.byref(made), len(shape), int64(shape), kind, ANY_LAYOUT), "memory description")
    return made


def wanted(descriptor: ctypes.c_void_p, which: int) -> ctypes.c_void_p | None:
    """The layout in which a primitive takes or gives an array, valid as long as its descriptor; None for no array."""
    kind, index = QUERIES[which]
    found = library().dnnl_primitive_desc_query_md(descriptor, kind, index)
    return ctypes.c_void_p(found) if found and size(ctypes.c_void_p(found)) else None


def same(one: ctypes.c_void_p, other: ctypes.c_void_p) -> bool:
    """Whether two layouts are one."""
    return bool(library().dnnl_memory_desc_equal(one, other))


def size(layout: ctypes.c_void_p) -> int:
    """Bytes of an array."""
    return library().dnnl_memory_desc_get_size(layout)


def memory(layout: ctypes.c_void_p) -> ctypes.c_void_p:
    """oneDNN's handle of an array, whose address is given later (`place`)."""
    return create("memory", layout, engine(), None)


def place(memory: ctypes.c_void_p, address: int) -> None:
    """Tell where the numbers of an array are."""
    library().dnnl_memory_set_data_handle(memory, ctypes.c_void_p(address))


def arguments(memories: dict[int, ctypes.c_void_p]) -> tuple[int, ctypes.Array]:
    """What a primitive is run on: which (SRC, ...) -> memory."""
    pairs = [_Argument(which, each.value) for which, each in memories.items()]
    return len(pairs), (_Argument * len(pairs))(*pairs)


def execute(calls: list[tuple]) -> None:
    """Run primitives on their arguments, (primitive, number, arguments, name) each, one after the other."""
    run, stream = library().dnnl_primitive_execute, _stream()
    for call in calls:
        begin = time.perf_counter() if _watched is not None else 0.0
        status = run(call[0], stream, call[1], call[2])
        if status:
            check(status, "execution")
        if _watched is not None:
            check(library().dnnl_stream_wait(stream), "execution")
            _watched[call[3]] = _watched.get(call[3], 0.0) + time.perf_counter() - begin
    check(library().dnnl_stream_wait(stream), "execution")


_watched: dict[str, float] | None = None


@contextmanager
def watching() -> Iterator[dict[str, float]]:
    """Seconds that primitives take inside the `with` block, by the name of their kind."""
    global _watched
    before, _watched = _watched, {}
    try:
        yield _watched
    finally:
        _watched = before
