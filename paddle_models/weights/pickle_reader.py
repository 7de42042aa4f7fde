"""Data out of a pickle without unpickling, for weight files that come as pickles.

Unpickling runs whatever the file says. This interprets by hand the few opcodes that dictionaries of arrays need;
`pickletools` only splits the bytes into opcodes. A name is looked up in a table of harmless stand-ins that the caller
gives; any other name, and any opcode not listed, is refused.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import BinaryIO

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = {"BININT", "BININT1", "BININT2", "INT", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
          "UNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = {"PROTO", "FRAME"}
MARK = object()
MOST_OPCODES = 5_000_000  # the structure of a checkpoint with a thousand layers takes about 100,000

# What a damaged or hostile pickle makes `interpret` and the stand-ins raise; readers turn it into a KitError.
MALFORMED = (ValueError, IndexError, KeyError, TypeError, AttributeError, UnicodeError, OverflowError)


def interpret(source: bytes | BinaryIO, allowed: Mapping[str, object], build: Callable[[object, object], None],
              persistent: Callable[[object], object] | None = None):
    """The one object of a pickle, by a stack machine that knows data and nothing else.

    source: bytes, or an open file that is left behind the pickle's end. allowed: "module name" -> what stands for it,
    a function where the pickle may call it. build: gets an object and the state that the pickle gives it.
    persistent: gets what stands outside the pickle by its id. Raises one of MALFORMED.
    """
    stack, memo = [], {}
    for count, (opcode, argument, _position) in enumerate(pickletools.genops(source)):
        name = opcode.name
        if count > MOST_OPCODES:
            raise ValueError("it has more parts than any network")
        if name == "STOP":
            return stack.pop()
        if name in VALUES:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name in TUPLES:
            stack[-TUPLES[name]:] = [tuple(stack[-TUPLES[name]:])]
        elif name == "MARK":
            stack.append(MARK)
        elif name in ("TUPLE", "APPENDS"):
            items = _pop_to_mark(stack)
            if name == "TUPLE":
                stack.append(tuple(items))
            else:
                stack[-1].extend(items)
        elif name == "APPEND":
            item = stack.pop()
            stack[-1].append(item)
        elif name == "SETITEMS":
            items = _pop_to_mark(stack)
            _set_items(stack[-1], items)
        elif name == "SETITEM":
            items = stack[-2:]
            del stack[-2:]
            _set_items(stack[-1], items)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_stand_in(argument if name == "GLOBAL" else _pop_name(stack), allowed))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments = stack.pop()
            stack.append(stack.pop()(*arguments))
        elif name == "BUILD":
            state = stack.pop()
            build(stack[-1], state)
        elif name == "BINPERSID" and persistent:
            stack.append(persistent(stack.pop()))
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif name not in IGNORED:
            raise ValueError(f"opcode {name} is not among those of arrays")
    raise ValueError("it ends before its end")


def _pop_to_mark(stack: list) -> list:
    start = max(position for position, item in enumerate(stack) if item is MARK)
    items = stack[start + 1:]
    del stack[start:]
    return items


def _set_items(target: dict, items: list) -> None:
    """items: key, value, key, value ..."""
    if not all(isinstance(key, (str, int)) for key in items[::2]):  # hashing a tuple nested deeply would crash
        raise ValueError("a dictionary with keys that are neither text nor numbers")
    target.update(zip(items[::2], items[1::2]))


def _pop_name(stack: list) -> str:
    name, module = stack.pop(), stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise ValueError("a name that is no text")
    return f"{module} {name}"


def _stand_in(name: str, allowed: Mapping[str, object]):
    if name not in allowed:
        raise ValueError(f"it would call {name[:100].replace(' ', '.')}")
    return allowed[name]
