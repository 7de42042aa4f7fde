"""oneDNN's C API, called directly in the library that Paddle's own wheel brings (paddle/libs/libdnnl).

Paddle's eager mode never uses oneDNN, and its static programs do so in ways that were seen to give wrong gradients and
to corrupt memory. The library itself is sound. Here is the small part of it that training needs: an `Operation` is one
oneDNN primitive on plain (contiguous, float32) arrays; where the primitive is faster on another memory layout, the
operation converts on the way in and out. See https://oneapi-src.github.io/oneDNN/ for the meaning of each constant.
"""

import ctypes
import functools
import importlib.util
import mmap
import platform
import threading
from collections.abc import Sequence
from pathlib import Path

# dnnl_types.h of oneDNN 3; the numbers are part of its stable interface.
FLOAT32, CPU, ANY_LAYOUT, IN_ORDER, USER_SCRATCHPAD = 3, 1, 1, 1, 1
TRAINING = 64
CONVOLUTION_DIRECT, GELU_TANH, GELU_ERF = 1, 0x2B, 0x31

# Arguments of a primitive, and how its descriptor is asked for their layouts: DNNL_ARG_* -> (dnnl_query_*_md, index).
SRC, DST, WEIGHTS, BIAS, SCRATCHPAD = 1, 17, 33, 41, 80
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_BIAS = 129, 145, 161, 169
QUERIES = {
    SRC: (129, 0), DIFF_SRC: (130, 0), WEIGHTS: (131, 0), BIAS: (131, 1), DIFF_WEIGHTS: (132, 0), DIFF_BIAS: (132, 1),
    DST: (133, 0), DIFF_DST: (134, 0), SCRATCHPAD: (136, 0),
}
OUTPUTS = frozenset({DST, DIFF_SRC, DIFF_WEIGHTS, DIFF_BIAS})


class Unavailable(Exception):
    """oneDNN cannot be called here; the text says why."""


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


def check(status: int, action: str) -> None:
    if status:
        names = {1: "out of memory", 2: "invalid arguments", 3: "unimplemented", 5: "runtime error"}
        raise RuntimeError(f"oneDNN: {action} failed, {names.get(status, f'status {status}')}")


class Handle(ctypes.c_void_p):
    """A oneDNN object that is destroyed with its Python object."""

    destroy = None

    def __del__(self):
        if self.destroy is not None and self.value:
            self.destroy(self)


def create(name: str, *arguments) -> Handle:
    """Call dnnl_<name>_create, whose first parameter receives the new object."""
    made = Handle()
    check(getattr(library(), f"dnnl_{name}_create")(ctypes.byref(made), *arguments), f"{name}_create")
    kind = "primitive_desc" if name.endswith("primitive_desc") else name
    made.destroy = getattr(library(), f"dnnl_{kind}_destroy")
    return made


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
def attributes() -> ctypes.c_void_p:
    """Of every primitive: working memory comes from us, sums in the same order at every run."""
    made = create("primitive_attr")
    check(library().dnnl_primitive_attr_set_scratchpad_mode(made, USER_SCRATCHPAD), "scratchpad mode")
    if hasattr(library(), "dnnl_primitive_attr_set_deterministic"):
        check(library().dnnl_primitive_attr_set_deterministic(made, 1), "deterministic")
    return made


@functools.cache
def plain(shape: tuple[int, ...]) -> ctypes.c_void_p:
    """Description of a contiguous float32 array."""
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return strided(shape, tuple(strides))


def strided(shape: tuple[int, ...], strides: tuple[int, ...]) -> ctypes.c_void_p:
    """Description of a float32 array with these steps from element to element, in elements."""
    made = ctypes.c_void_p()
    check(library().dnnl_memory_desc_create_with_strides(
        ctypes.byref(made), len(shape), int64(shape), FLOAT32, int64(strides)), "memory description")
    return made


@functools.cache
def any_layout(shape: tuple[int, ...]) -> ctypes.c_void_p:
    """Description of a float32 array in the layout that the primitive likes best."""
    made = ctypes.c_void_p()
    check(library().dnnl_memory_desc_create_with_tag(
        ctypes.byref(made), len(shape), int64(shape), FLOAT32, ANY_LAYOUT), "memory description")
    return made


class _Arena:
    """Working memory that all operations share, one after the other; it grows to the largest need."""

    def __init__(self):
        self.lock, self.memory, self.address, self.size = threading.Lock(), None, 0, 0

    def reserve(self, size: int) -> None:
        if size > self.size:
            self.memory = mmap.mmap(-1, size)  # page-aligned
            self.address, self.size = ctypes.addressof(ctypes.c_char.from_buffer(self.memory)), size


_arena = _Arena()


class Operation:
    """A oneDNN primitive on contiguous float32 arrays.

    descriptor: of the primitive. arguments: which (SRC, ...) -> description of the array, in the order in which calls
    give addresses.
    """

    def __init__(self, descriptor: ctypes.c_void_p, arguments: dict[int, ctypes.c_void_p]):
        self.primitive = create("primitive", descriptor)
        self.before, self.after, self.outer, self.bytes = [], [], [], 0
        self.inner: list[tuple[ctypes.c_void_p, int]] = []  # with their place in the working memory
        memories = []
        for which, given in arguments.items():
            outer = self._memory(given)
            self.outer.append(outer)
            wanted = self._wanted(descriptor, which)
            if wanted is None or library().dnnl_memory_desc_equal(wanted, given):
                memories.append((which, outer))
                continue
            inner = self._working_memory(wanted)
            memories.append((which, inner))
            if which in OUTPUTS:
                self.after.append(self._reorder(wanted, given, inner, outer))
            else:
                self.before.append(self._reorder(given, wanted, outer, inner))
        scratchpad = self._wanted(descriptor, SCRATCHPAD)
        if scratchpad and library().dnnl_memory_desc_get_size(scratchpad):
            memories.append((SCRATCHPAD, self._working_memory(scratchpad)))
        self.main = (self.primitive, *_arguments(memories))
        self.address = 0

    @staticmethod
    def _memory(description) -> ctypes.c_void_p:
        return create("memory", description, engine(), None)

    @staticmethod
    def _wanted(descriptor, which: int) -> ctypes.c_void_p | None:
        if which not in QUERIES:
            return None
        kind, index = QUERIES[which]
        found = library().dnnl_primitive_desc_query_md(descriptor, kind, index)
        return ctypes.c_void_p(found) if found else None

    def _working_memory(self, description) -> ctypes.c_void_p:
        memory = self._memory(description)
        self.inner.append((memory, self.bytes))
        self.bytes += -(-library().dnnl_memory_desc_get_size(description) // 4096) * 4096
        return memory

    def _reorder(self, source, target, source_memory, target_memory):
        descriptor = create("reorder_primitive_desc", source, engine(), target, engine(), None)
        return (create("primitive", descriptor), *_arguments([(SRC, source_memory), (DST, target_memory)]))

    @classmethod
    def copy(cls, source: ctypes.c_void_p, target: ctypes.c_void_p) -> "Operation":
        """Copies an array from one layout to another: on the addresses of both."""
        return cls(create("reorder_primitive_desc", source, engine(), target, engine(), attributes()),
                   {SRC: source, DST: target})

    def __call__(self, *addresses: int) -> None:
        """Run on arrays at these addresses, in the order of `arguments`."""
        call = library()
        with _arena.lock:
            _arena.reserve(self.bytes)
            if self.address != _arena.address:
                for memory, offset in self.inner:
                    call.dnnl_memory_set_data_handle(memory, ctypes.c_void_p(_arena.address + offset))
                self.address = _arena.address
            for memory, address in zip(self.outer, addresses):
                call.dnnl_memory_set_data_handle(memory, ctypes.c_void_p(address))
            for primitive, count, arguments in (*self.before, self.main, *self.after):
                check(call.dnnl_primitive_execute(primitive, _stream(), count, arguments), "execution")
            check(call.dnnl_stream_wait(_stream()), "execution")


def _arguments(pairs):
    return len(pairs), (_Argument * len(pairs))(*((which, memory.value) for which, memory in pairs))
