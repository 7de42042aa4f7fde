"""A program: oneDNN primitives that run one after the other on arrays whose places in memory are planned beforehand.

`convolution.py` and `nodes.py` write programs, `chains.py` runs them. A program has two halves, forward and backward.
An array is *outside* (a Paddle tensor, its address comes with each run), *kept* (made by the forward half for the
backward half, in a block of its own for each run) or *spare* (used inside one half, in memory that all programs share).
"""

import ctypes
import mmap
import threading

from paddle_models.fast import onednn

PAGE, LINE, FLOAT_BYTES = 4096, 64, 4


class Array:
    """What primitives read and write. layout: oneDNN's, which `owner` keeps alive; shape: as Paddle has it, or ()."""

    __slots__ = ("layout", "owner", "shape", "base", "first", "last", "outside", "shared", "offset", "memory")

    def __init__(self, layout, owner, shape: tuple[int, ...] = (), base: "Array | None" = None):
        self.layout, self.owner, self.shape, self.base = layout, owner, shape, base
        self.first = self.last = -1  # steps that use it
        self.outside = self.shared = False  # shared: someone else needs the numbers, too, so they stay as they are
        self.offset = 0
        self.memory = ctypes.c_void_p()  # oneDNN's handle, made at the end

    def like(self) -> tuple:
        """What another array of the same layout is made from."""
        return self.layout, self.owner, self.shape


class Program:
    """Written with `outside`, `array`, `result`, `converted` and `add`; `turn` between the halves, `finish` at the end.

    kind: of the numbers in images, onednn.FLOAT32 or BFLOAT16; weights and their gradients are always float32.
    """

    def __init__(self, kind: int):
        self.kind, self.half, self.boundary = kind, 0, 0
        self.shape: tuple[int, ...] = ()  # of what the forward half gives
        self.steps: list[tuple] = []
        self.arrays: list[Array] = []
        self.outsides: tuple[list[Array], list[Array]] = ([], [])
        self.parts: list[Array] = []
        self.constant: list[Array] = []
        self.copies: dict[int, list[Array]] = {}

    # ------------------------------------------------------------------ writing

    def outside(self, layout, shape: tuple[int, ...]) -> Array:
        """An array whose address is given for each run of this half, in the order of these calls."""
        made = self.array(layout, None, shape)
        return self.move_out(made)

    def move_out(self, array: Array) -> Array:
        """Make an array of this half an outside one."""
        array.outside = True
        self.outsides[self.half].append(array)
        return array

    def array(self, layout, owner=None, shape: tuple[int, ...] = ()) -> Array:
        """An inner array."""
        made = Array(layout, owner, shape)
        self.arrays.append(made)
        return made

    def part(self, base: Array, layout, offset: int) -> Array:
        """A view of an inner array that begins `offset` numbers behind its beginning."""
        made = Array(layout, None, (), base)
        made.offset = FLOAT_BYTES * offset
        self.parts.append(made)
        return made

    def zeros(self, layout) -> Array:
        """An array that is never used for others: what no step writes into stays 0."""
        made = self.array(layout)
        self.constant.append(made)
        return made

    def result(self, descriptor, which: int, shape: tuple[int, ...] = ()) -> Array:
        """An array for what a primitive gives, in the layout that it likes."""
        made = self.possible(descriptor, which, shape)
        if made is None:
            raise onednn.Failure(f"oneDNN: {descriptor.name} gives no array {which}")
        return made

    def possible(self, descriptor, which: int, shape: tuple[int, ...] = ()) -> Array | None:
        """The same; None where the primitive gives none."""
        layout = onednn.wanted(descriptor, which)
        return self.array(layout, descriptor, shape) if layout else None

    def add(self, descriptor, arguments: dict[int, Array | None]) -> None:
        """One primitive as the next step."""
        used = {which: array for which, array in arguments.items() if array is not None}
        working = self.possible(descriptor, onednn.SCRATCHPAD)
        if working:
            used[onednn.SCRATCHPAD] = working
        for array in (each.base or each for each in used.values()):
            array.first = len(self.steps) if array.first < 0 else array.first
            array.last = len(self.steps)
        self.steps.append((descriptor, used))

    def copy(self, source: Array, target: Array) -> None:
        """The same numbers in another layout."""
        descriptor = onednn.create("reorder_primitive_desc", source.layout, onednn.engine(), target.layout,
                                   onednn.engine(), onednn.attributes())
        self.add(descriptor, {onednn.SRC: source, onednn.DST: target})

    def converted(self, array: Array, descriptor, which: int, remember: bool = True) -> Array:
        """The array as a primitive takes it: itself or a copy, which others that want the same get, too."""
        return self.in_layout(array, onednn.wanted(descriptor, which), descriptor, remember)

    def in_layout(self, array: Array, layout, owner, remember: bool = True) -> Array:
        """The array itself, or a copy of it in this layout."""
        for found in (array, *self.copies.get(id(array), ())):
            if onednn.same(found.layout, layout):
                return found
        made = self.array(layout, owner, array.shape)
        self.copy(array, made)
        if remember:
            made.shared = array.shared  # who asks for the copy later wants the same numbers
            self.copies.setdefault(id(array), []).append(made)
        return made

    def turn(self) -> None:
        """The forward half is written, the backward half begins."""
        self.half, self.boundary = 1, len(self.steps)

    def finish(self) -> "Program":
        """Plan the memory and make the primitives; after that the program can run, and not be written any more."""
        if not self.half:
            self.turn()
        inner = [array for array in self.arrays if array.first >= 0 and not array.outside]
        kept = [array for array in inner if array.first < self.boundary <= array.last]
        others = {*kept, *self.constant}
        spare = [array for array in inner if array not in others]
        self.kept_size = _plan(kept)
        _plan(self.constant)
        self.spare_size = max(_plan([array for array in spare if array.first < self.boundary]),
                              _plan([array for array in spare if array.first >= self.boundary]))
        for array in (*self.arrays, *self.parts):
            array.memory = onednn.memory(array.layout)
        calls = [(onednn.create("primitive", descriptor),
                  *onednn.arguments({which: array.memory for which, array in arguments.items()}), descriptor.name)
                 for descriptor, arguments in self.steps]
        self.calls = calls[:self.boundary], calls[self.boundary:]
        self.kept, self.spare = _Region(kept, self.parts), _Region(spare, self.parts)
        self.zeroed = Block(sum(onednn.size(array.layout) + LINE for array in self.constant))
        _Region(self.constant, self.parts).place(self.zeroed.address)
        self.steps, self.copies = [], {}
        return self

    def leave_out(self, name: str) -> None:
        """Drop the steps of this kind: what the others take alone can be measured, their results mean nothing."""
        forward, backward = ([call for call in calls if call[3] != name] for calls in self.calls)
        self.calls = forward, backward

    # ------------------------------------------------------------------ running

    def forward(self, addresses: list[int]) -> "Kept":
        """Run the first half on outside arrays at these addresses; returns what the second half needs."""
        kept = Kept(self.kept_size)
        self._run(0, kept, addresses)
        return kept

    def backward(self, kept: "Kept", addresses: list[int]) -> None:
        """Run the second half on outside arrays at these addresses."""
        self._run(1, kept, addresses)

    def _run(self, half: int, kept: "Kept", addresses: list[int]) -> None:
        with _spare.lock:
            self.spare.place(_spare.reserve(self.spare_size))
            self.kept.place(kept.block.address)
            for array, address in zip(self.outsides[half], addresses, strict=True):
                onednn.place(array.memory, address)
            onednn.execute(self.calls[half])


class _Region:
    """Arrays of one block of memory."""

    def __init__(self, arrays: list[Array], parts: list[Array]):
        self.address = 0
        self.places = [(array.memory, array.offset) for array in arrays]
        members = set(arrays)
        self.places += [(part.memory, part.base.offset + part.offset) for part in parts if part.base in members]

    def place(self, address: int) -> None:
        if address != self.address:
            self.address = address
            for memory, offset in self.places:
                onednn.place(memory, address + offset)


def _plan(arrays: list[Array]) -> int:
    """Offsets at which only arrays overlap whose steps do not; the bytes needed."""
    alive: list[tuple[int, int, int]] = []  # begin, end, last step
    total = 0
    for array in sorted(arrays, key=lambda array: array.first):
        alive = [place for place in alive if place[2] >= array.first]
        size, offset = -(-onednn.size(array.layout) // LINE) * LINE, 0
        for begin, end, _ in sorted(alive):
            if offset + size <= begin:
                break
            offset = max(offset, end)
        array.offset = offset
        alive.append((offset, offset + size, array.last))
        total = max(total, offset + size)
    return total


class Block:
    """Memory that begins with a page; in large pages where the system has them, which spare many look-ups."""

    def __init__(self, size: int):
        self.size = max(size, PAGE)
        self.memory = mmap.mmap(-1, self.size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))


class Kept:
    """Kept arrays of one run. When it goes, its block is used again; one that is too small makes room for another."""

    free: list[Block] = []

    def __init__(self, size: int):
        fitting = [block for block in self.free if block.size >= size] or self.free
        chosen = min(fitting, key=lambda block: abs(block.size - size), default=None)
        if chosen:
            self.free.remove(chosen)
        self.block = chosen if chosen and chosen.size >= size else Block(size)

    def __del__(self):
        self.free.append(self.block)


class _Spare:
    """Working memory that all programs share, one after the other; it grows to the largest need."""

    def __init__(self):
        self.lock, self.block = threading.Lock(), Block(0)

    def reserve(self, size: int) -> int:
        if size > self.block.size:
            self.block = Block(size)
        return self.block.address


_spare = _Spare()
