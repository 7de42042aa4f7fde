"""Data out of a pickle without unpickling, for weight files that come as pickles.

Unpickling runs whatever the file says. This interprets by hand the few opcodes that dictionaries of arrays need;
`pickletools` only splits the bytes into opcodes. A name is looked up in a table of harmless stand-ins that the caller
gives; any other name, and any opcode not listed, is refused.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = {"BININT", "BININT1", "BININT2", "INT", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
          "UNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = {"PROTO", "FRAME"}
MARK = object()
MOST_OPCODES = 5_000_000  # the structure of a checkpoint with a thousand layers takes about 100,000

# What a damaged or hostile pickle makes `interpret` and the stand-ins raise; readers turn it into a KitError.
MALFORMED = (ValueError, IndexError, KeyError, TypeError, AttributeError, UnicodeError, OverflowError)


def interpret(source: bytes | BinaryIO, allowed: Mapping[str, Any], build: Callable[[Any, Any], None],
              persistent: Callable[[Any], Any] | None = None) -> Any:
    """The one object of a pickle, by a stack machine that knows data and nothing else.

    source: bytes, or an open file that is left behind the pickle's end. allowed: "module name" -> what stands for it,
    a function where the pickle may call it. build: gets an object and the state that the pickle gives it.
    persistent: gets what stands outside the pickle by its id. Raises one of MALFORMED.
    """
    machine = _Machine(allowed, build, persistent)
    for count, (opcode, argument, _position) in enumerate(pickletools.genops(source)):
        if count > MOST_OPCODES:
            raise ValueError("it has more parts than any network")
        if opcode.name == "STOP":
            return machine.stack.pop()
        if opcode.name not in IGNORED:
            machine.step(opcode.name, argument)
    raise ValueError("it ends before its end")


class _Machine:
    """The stack and the memory of a pickle on its way, and what each opcode does to them."""

    def __init__(self, allowed: Mapping[str, Any], build: Callable[[Any, Any], None],
                 persistent: Callable[[Any], Any] | None):
        self.allowed, self.build, self.persistent = allowed, build, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []  # where the stack has, or had, a MARK
        self.memo: dict[Any, Any] = {}
        self.others: dict[str, Callable[[Any], None]] = {
            "APPEND": self._append, "APPENDS": self._appends, "SETITEM": self._set_item, "SETITEMS": self._set_items,
            "TUPLE": self._tuple, "GLOBAL": self._name, "STACK_GLOBAL": self._name_on_stack,
            "REDUCE": self._call, "NEWOBJ": self._call, "BUILD": self._build, "MEMOIZE": self._memoize,
            **dict.fromkeys(("BINPUT", "LONG_BINPUT", "PUT"), self._put),
            **dict.fromkeys(("BINGET", "LONG_BINGET", "GET"), self._get)}
        if persistent:
            self.others["BINPERSID"] = self._persistent

    def step(self, name: str, argument: Any) -> None:
        """Obey one opcode."""
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in EMPTY:
            self.stack.append(EMPTY[name]())
        elif name in TUPLES:
            self.stack[-TUPLES[name]:] = [tuple(self.stack[-TUPLES[name]:])]
        elif name == "MARK":
            self.marks.append(len(self.stack))
            self.stack.append(MARK)
        elif name in self.others:
            self.others[name](argument)
        else:
            raise ValueError(f"opcode {name} is not among those of arrays")

    def _to_mark(self) -> list:
        start = self.marks.pop()
        while start >= len(self.stack) or self.stack[start] is not MARK:  # taken from the stack by something else
            start = self.marks.pop()
        items = self.stack[start + 1:]
        del self.stack[start:]
        return items

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._to_mark()))

    def _appends(self, _: Any) -> None:
        items = self._to_mark()
        self.stack[-1].extend(items)

    def _append(self, _: Any) -> None:
        item = self.stack.pop()
        self.stack[-1].append(item)

    def _set_items(self, _: Any) -> None:
        items = self._to_mark()
        _fill(self.stack[-1], items)

    def _set_item(self, _: Any) -> None:
        items = self.stack[-2:]
        del self.stack[-2:]
        _fill(self.stack[-1], items)

    def _name(self, argument: Any) -> None:
        self.stack.append(_stand_in(argument, self.allowed))

    def _name_on_stack(self, _: Any) -> None:
        self.stack.append(_stand_in(_pop_name(self.stack), self.allowed))

    def _call(self, _: Any) -> None:
        arguments = self.stack.pop()
        self.stack.append(self.stack.pop()(*arguments))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        self.build(self.stack[-1], state)

    def _persistent(self, _: Any) -> None:
        if self.persistent:
            self.stack.append(self.persistent(self.stack.pop()))

    def _put(self, place: Any) -> None:
        self.memo[place] = self.stack[-1]

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, place: Any) -> None:
        self.stack.append(self.memo[place])


def _fill(target: dict, items: list) -> None:
    """items: key, value, key, value ..."""
    # Hashing a tuple nested deeply would crash; large integers can be chosen so that all have one hash.
    if not all(isinstance(key, str) or isinstance(key, int) and abs(key) < 2**31 for key in items[::2]):
        raise ValueError("a dictionary with keys that are neither text nor numbers of a few digits")
    target.update(zip(items[::2], items[1::2]))


def _pop_name(stack: list) -> str:
    name, module = stack.pop(), stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise ValueError("a name that is no text")
    return f"{module} {name}"


def _stand_in(name: str, allowed: Mapping[str, Any]) -> Any:
    if name not in allowed:
        raise ValueError(f"it would call {name[:100].replace(' ', '.')}")
    return allowed[name]
