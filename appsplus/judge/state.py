"""What a program's code says of its state: whether a call may change what the next one sees, and what comes at its end.

Standard library only. Said of the compiled code, not of the text: a parse tree costs several times what the answer saves.
What the code alone cannot say, `kept` finds by looking at the values.
"""

import opcode
from collections.abc import Iterator
from types import CodeType

NOTHING, VALUES, ANYTHING = "nothing", "values", "anything"  # what `keeps` answers
_OPTIMIZED = 1  # the flag of functions; modules and class bodies lack it
_SUSPENDED = 0x20 | 0x80 | 0x200  # those of generators, coroutines and asynchronous generators
_CHANGE_GLOBALS = frozenset(
    opcode.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF")
)
# What a module or class body may do that only defines functions, classes, constants and annotations
_DEFINE = frozenset(
    opcode.opmap.get(name, -1)
    for name in (
        "CACHE RESUME NOP EXTENDED_ARG COPY PUSH_NULL POP_TOP LOAD_CONST LOAD_NAME LOAD_ATTR STORE_NAME RETURN_VALUE"
        " RETURN_CONST IMPORT_NAME IMPORT_FROM IMPORT_STAR MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE SETUP_ANNOTATIONS"
        " LOAD_BUILD_CLASS PRECALL CALL BINARY_SUBSCR BUILD_TUPLE MAKE_CELL COPY_FREE_VARS LOAD_CLOSURE LOAD_LOCALS"
    ).split()
)
# What it may not do even where its values are looked at: change what others own
_CHANGE_OTHERS = _CHANGE_GLOBALS | {opcode.opmap["STORE_ATTR"], opcode.opmap["DELETE_ATTR"]}
# A store to an attribute of a global (a class, a function, a module), plain and augmented
_CHANGE_ATTRIBUTES = tuple(
    bytes((opcode.opmap["LOAD_GLOBAL"], opcode.opmap[name])) for name in ("STORE_ATTR", "DELETE_ATTR", "COPY")
)
# By which a function may change anything
_REACH = frozenset({"globals", "vars", "setattr", "open", "__class__", "__dict__"})
_CACHE = bytes((opcode.opmap["CACHE"],))
_ENDS = frozenset({"__del__", "finalize", "open", "fdopen", "FileIO", "TextIOWrapper", "BufferedWriter"})
_CALL, _BUILD_CLASS = opcode.opmap["CALL"], opcode.opmap["LOAD_BUILD_CLASS"]


def keeps(code: CodeType) -> str:
    """What a module's code may keep from one call of its functions to the next. Errs on the safe side.

    NOTHING: it defines functions, classes and constants only, and changes none of them from inside.
    VALUES: it makes values besides, at its beginning; whether a call has changed them can be seen (`kept`).
    ANYTHING: every unit test must have a process of its own.
    """
    found = NOTHING
    for part in _parts(code):
        if part.co_flags & _OPTIMIZED:
            if _function_keeps(part):
                return ANYTHING
        elif not _defines_only(part):
            if _changes_others(part):
                return ANYTHING
            found = VALUES
    return found


def _parts(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        part = pending.pop()
        yield part
        pending += (constant for constant in part.co_consts if isinstance(constant, CodeType))


def has_end(code: CodeType) -> bool:
    """Whether something may happen when a program's objects are let go: finalizers, open files, suspended generators."""
    return any(not _ENDS.isdisjoint(part.co_names) or _is_suspended(part) for part in _parts(code))


def _is_suspended(code: CodeType) -> bool:
    """Whether a function may stop in the middle, with a `finally` or a `with` to come."""
    return bool(code.co_flags & _SUSPENDED and code.co_exceptiontable) and code.co_name != "<genexpr>"


def _function_keeps(code: CodeType) -> bool:
    operations = code.co_code[::2]
    if not _REACH.isdisjoint(code.co_names):
        return True
    if opcode.opmap["STORE_ATTR"] in operations and ("type" in code.co_names or code.co_varnames[:1] == ("cls",)):
        return True
    if any(pair in operations.replace(_CACHE, b"") for pair in _CHANGE_ATTRIBUTES):
        return True
    return not _CHANGE_GLOBALS.isdisjoint(operations) and _stores_outside(code)


def _stores_outside(code: CodeType) -> bool:
    """Whether a function stores to a global name, or to a variable of the function around it."""
    cells = len(code.co_varnames) + sum(name not in code.co_varnames for name in code.co_cellvars)
    operations, extended = code.co_code, 0
    for operation, argument in zip(operations[::2], operations[1::2], strict=True):
        if operation == opcode.EXTENDED_ARG:
            extended = (extended | argument) << 8
            continue
        if operation in _CHANGE_GLOBALS and (operation not in opcode.hasfree or (extended | argument) >= cells):
            return True
        extended = 0
    return False


def _defines_only(body: CodeType) -> bool:
    operations = body.co_code[::2]
    return _DEFINE.issuperset(operations) and operations.count(_CALL) == operations.count(_BUILD_CLASS)


def _changes_others(body: CodeType) -> bool:
    return not _CHANGE_OTHERS.isdisjoint(body.co_code[::2]) or "seed" in body.co_names
