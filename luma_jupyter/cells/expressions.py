"""What stands in double braces in a prompt: read, and replaced by its value.

``{{name}}``, ``{{row['prompt']}}``, ``{{df.prompt[0]}}``, ``{{n + 1}}`` and ``{{num:.2f}}`` are understood: variables,
their attributes and items, ``+ - * /`` on numbers, and a format as in f-strings. It is read by `ast` and never run as
Python; nothing is called, though an attribute may be a property. All else in double braces is refused, and so is a
pair of braces without its other half: a replacement that somebody meant is never sent, and paid for, as it stands.

``{{{{`` and ``}}}}`` write ``{{`` and ``}}``. Closing braces that close single ones, as in JSON, stay as they are. A
character in quotes stands for itself, wherever it is: ``{{'}'}}``. `escape_braces` and `quoted` write all of that.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import numbers
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from types import ModuleType
from typing import Any, TypeAlias

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.clip.cut import Cut
from luma_jupyter.clip.names import find_similar
from luma_jupyter.domain.identifiers import is_variable_name, normalize_name
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.text import short

LONGEST = 200  # characters of one expression
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_BRACES = re.compile(r"\{+|\}+")
_TABLES = ("Series", "DataFrame", "Index", "LazyFrame")
_DOUBLED = "{{{{ … }}}}"  # what is written for double braces that stay
_TEXT = "{{text}}"
_WIDE_FORMAT = re.compile(r"\d{5}")  # would pad a number with megabytes of blanks


@dataclass(frozen=True)
class Expression:
    """An expression that was read: ``text`` as it was typed, ``node`` as Python reads it, ``format`` behind a colon."""

    text: str
    node: ast.expr
    format: str = ""

    @property
    def shown(self) -> str:
        """How an error names it."""
        return f"{{{{{short(self.text, 60)}}}}}"


Piece: TypeAlias = str | Expression


def insert_variables(body: str, variables: Mapping[str, Any], *, names_only: bool = False) -> str:
    """A prompt with the values of variables in it; all outside of double braces is taken literally.

    ``names_only``: all else in double braces is checked as far as that runs nobody's code, and stays as it is. Raises
    InvalidRequest for what cannot be read, for variables that do not exist, and for values that are no text.
    """
    pieces = read_pieces(body)  # all of them, before anything is evaluated
    return "".join(piece if isinstance(piece, str) else _replaced(piece, variables, names_only) for piece in pieces)


def single_braces_notice(body: str, variables: Mapping[str, Any]) -> str | None:
    """One line where single braces hold the name of a variable with a text or a number; None elsewhere."""
    for piece in read_pieces(body):
        for match in re.finditer(r"(?<!\{)\{([^{}]+)\}(?!\})", piece) if isinstance(piece, str) else ():
            name = normalize_name(match[1].strip())
            if is_variable_name(name) and issubclass(type(variables.get(name)), str | numbers.Number):
                single, double = f"{{{name}}}", f"{{{{{name}}}}}"
                notice = _("The prompt has {single}, sent as it is; {double} puts in the value of that variable.")
                return notice.format(single=single, double=double)
    return None


# From a prompt to its pieces.


def read_pieces(body: str) -> list[Piece]:
    """A prompt as literal texts and expressions, by turns. Raises InvalidRequest."""
    pieces: list[Piece] = []
    for is_literal, group in groupby(_scan(body), lambda piece: isinstance(piece, str)):
        some = list(group)
        pieces += ["".join(map(str, some))] if is_literal else some
    return pieces


def _scan(body: str) -> Iterator[Piece]:
    opened: list[int] = []  # braces that are literal and still open: 1 for a single one, 2 for a pair that was doubled
    start = 0
    while run := _BRACES.search(body, start):
        yield body[start : run.start()]
        start, count = run.end(), len(run[0])
        if run[0][0] == "}":
            yield _close(count, opened, body[max(0, start - 30) : start])
            continue
        pairs, rest = divmod(count, 4)
        opened += [2] * pairs + [1] * (rest % 2)
        yield "{{" * pairs + "{" * (rest % 2)
        if rest >= 2:
            end = body.find("}}", start)
            if end < 0:
                opened_here, missing = "{{" + short(body[start : start + 30], 30), "}}"
                raise InvalidRequest(
                    f"“{opened_here}”: there is no {missing} after these braces. If braces are meant, write {_DOUBLED}."
                )
            yield read_expression(body[start:end].strip())
            start = end + 2
    yield body[start:]


def quoted(character: str) -> str:
    """One character as it is, in the body of a cell."""
    return f"{{{{{character!r}}}}}"


def escape_braces(prompt: str) -> str:
    """The body of a cell whose prompt is this one, with nothing in it replaced."""
    opened: list[int] = []  # as in `_scan`

    def escape(run: re.Match[str]) -> str:
        pairs, single = divmod(len(run[0]), 2)
        if run[0][0] == "{":
            opened.extend([2] * pairs + [1] * single)
            return "{" * (4 * pairs + single)
        within = slice(-4 * len(run[0]), None)  # so many closing braces close no more than these
        for count in (_like_opened(len(run[0]), opened), 4 * pairs + single):
            last = opened[within]
            with suppress(InvalidRequest):
                if _close(count, last, "") == run[0]:
                    opened[within] = last
                    return "}" * count
        return quoted("}") * len(run[0])  # they would close braces of which some are double and some are not

    return _BRACES.sub(escape, prompt)


def _like_opened(count: int, opened: list[int]) -> int:
    """As how many braces so many closing ones are written, if each is written as the one that it closes."""
    written = 0
    for size in reversed(opened):
        if count <= 0:
            break
        count, written = count - size, written + size**2
    return written + max(count, 0)


def _close(count: int, opened: list[int], before: str) -> str:
    """What so many closing braces stand for, after those that are ``opened``, from which it takes away.

    If they close just those, each closes its like; else four of them write two. Raises InvalidRequest where two are
    left, which ``before``, the text up to here, shows.
    """
    left, level, closed = count, len(opened), []
    while level and left >= opened[level - 1] ** 2:
        level -= 1
        left -= opened[level] ** 2
        closed.append("}" * opened[level])
    if not left:
        del opened[level:]
        return "".join(closed)
    pairs, rest = divmod(count, 4)
    if rest >= 2:
        closed_here, missing = short(before, 30), "{{"
        raise InvalidRequest(
            f"“{closed_here}”: there is no {missing} before these braces. If braces are meant, write {_DOUBLED}."
        )
    closing = 2 * pairs + rest
    while opened and closing > 0:
        closing -= opened.pop()
    return "}" * (2 * pairs + rest)


def read_expression(text: str) -> Expression:
    """Read what stands in double braces. Raises InvalidRequest for all that is not understood."""
    if not text:
        empty = "{{}}"
        raise InvalidRequest(
            f"There is nothing in {empty}: write a variable's name there. If braces are meant, write {_DOUBLED}."
        )
    if len(text) > LONGEST:
        raise _unreadable(text)
    for end in [*(match.start() for match in re.finditer(":", text)), len(text)]:
        if node := _parse(text[:end]):
            expression = Expression(text, node, text[end + 1 :])
            _check(expression)
            return expression
    raise _unreadable(text)


def _parse(text: str) -> ast.expr | None:
    """A text as Python reads it; None where it is no expression, or one with a comment."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash in a key, which is not our business
            node = ast.parse(text.strip(), mode="eval").body
            ast.parse(f"({text.strip()})", mode="eval")  # a comment would swallow the bracket
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return node


def _check(expression: Expression) -> None:
    """Refuse all but the few kinds of expressions that are understood."""
    if not _is_understood(expression.node) or _WIDE_FORMAT.search(expression.format):
        raise _unreadable(expression.text)


def _is_understood(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=value, attr=name):
            return not name.startswith("_") and _is_understood(value)
        case ast.Subscript(value=value, slice=key):
            return _key(key) is not None and _is_understood(value)
        case ast.BinOp(left=left, op=op, right=right):
            return type(op) in _OPERATORS and _is_understood(left) and _is_understood(right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_understood(operand)
        case ast.Constant(value=value):
            return type(value) in (int, float) or (isinstance(value, str) and len(value) == 1)
    return False


def _key(node: ast.expr) -> int | str | None:
    """What stands in square brackets: a text, a whole number, or one below zero; None for all else."""
    match node:
        case ast.Constant(value=int() | str() as key) if not isinstance(key, bool):
            return key
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as key)) if not isinstance(key, bool):
            return -key
    return None


def _unreadable(text: str) -> InvalidRequest:
    words = short(text, 60)
    shown = f"{{{{{words}}}}}"
    value = words if words == text and "|" not in text and _parse(text) else "…"  # a bar is a filter in other languages
    return InvalidRequest(
        f"{shown}: double braces take only variables, their parts and sums. Put it into a variable first: "
        f"text = {value}, and write {_TEXT}. If braces are meant, write {_DOUBLED}."
    )


# From an expression to its value.


def _replaced(expression: Expression, variables: Mapping[str, Any], names_only: bool) -> str:
    if names_only and not isinstance(expression.node, ast.Name):
        for node in ast.walk(expression.node):
            if isinstance(node, ast.Name):
                _look_up(expression, node.id, variables)
        return f"{{{{{expression.text}}}}}"
    try:
        value = _evaluate(expression, expression.node, variables)
        _refuse(expression, expression.text, value)
        return format(value, expression.format) if expression.format else str(value)
    except InvalidRequest:
        raise
    except Exception as error:
        words = _words(error)
        raise InvalidRequest(f"{expression.shown} cannot be put in: {words}") from None


def _evaluate(expression: Expression, node: ast.expr, variables: Mapping[str, Any]) -> Any:
    """The value of a node that is understood. May raise anything: properties and items can be the user's own code."""
    match node:
        case ast.Name(id=name):
            return _look_up(expression, name, variables)
        case ast.Attribute(value=inner, attr=name):
            return getattr(_evaluate(expression, inner, variables), name)
        case ast.Subscript(value=inner, slice=key):
            return _evaluate(expression, inner, variables)[_key(key)]
        case ast.UnaryOp(operand=operand):
            return -_number(expression, operand, variables)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_number(expression, left, variables), _number(expression, right, variables))
        case ast.Constant(value=value):
            return value
    raise _unreadable(expression.text)


def _look_up(expression: Expression, name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        if similar := find_similar(name, variables):
            meant = f"{{{{{expression.text.replace(name, similar, 1)}}}}}"
            raise InvalidRequest(f"{expression.shown}: there is no variable {name}; did you mean {meant}?")
        raise InvalidRequest(f"{expression.shown}: there is no variable {name}.")
    return variables[name]


def _number(expression: Expression, node: ast.expr, variables: Mapping[str, Any]) -> Any:
    value = _evaluate(expression, node, variables)
    text = ast.unparse(node)
    _refuse(expression, text, value)
    if not isinstance(value, numbers.Number):
        kind, part = type(value).__name__, short(text, 40)
        raise InvalidRequest(
            f"{expression.shown}: {part} is no number, but of type {kind}. Put it into a variable first: text = …, and "
            f"write {_TEXT}."
        )
    return value


def _refuse(expression: Expression, text: str, value: object) -> None:
    """Refuse a value of the expression, or of a part of it, that makes no sense in a prompt."""
    if reason := _refusal(value):
        part = short(text, 40)
        raise InvalidRequest(
            f"{expression.shown} is {reason}, and a prompt takes text."
            if text == expression.text
            else f"{expression.shown}: {part} is {reason}, and a prompt takes text."
        )


def _refusal(value: object) -> str | None:
    """What a value is, in words, that makes no sense in a prompt; None for one that does."""
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (Clip, N_("a clip")),
        (Cut, N_("a part of a clip")),
        (ClipSequence, N_("a list of clips")),
        (type(None), "None"),
        (ModuleType, N_("a module")),
        (type, N_("a class")),
        (functools.partial, N_("a function")),
        ((set, frozenset), N_("a set, which has no order")),
        ((bytes, bytearray, memoryview), N_("bytes")),
    ]
    for kind, what in kinds:
        if isinstance(value, kind):
            return what
    if inspect.isroutine(value):
        return N_("a function (it would have to be called first)")
    if _is_missing(value):
        return N_("missing (NaN)")
    for cls in type(value).__mro__:
        if cls.__name__ in _TABLES and cls.__module__.partition(".")[0] in ("pandas", "polars"):
            return N_(f"a whole {cls.__name__}")
    if isinstance(getattr(value, "ndim", None), int) and getattr(value, "ndim", 0) > 0:
        return N_("an array")
    if type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__:
        return N_(f"of type {type(value).__name__}, which has no text of its own")
    return None


def _is_missing(value: object) -> bool:
    """Whether it is what stands for nothing in tables: NaN, NA or NaT, of Python, numpy or pandas."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    if type(value).__module__ == "numpy" and type(value).__name__ in ("datetime64", "timedelta64"):
        return str(value) == "NaT"
    return isinstance(value, numbers.Number) and _is_nan(value)


def _is_nan(number: Any) -> bool:
    try:
        return math.isnan(number)
    except (TypeError, ValueError, OverflowError):  # complex; Decimal("sNaN"); an int too large for a float
        return str(number) in ("sNaN", "-sNaN")


def _words(error: Exception) -> str:
    """An error of the user's own objects, on one line."""
    try:
        words = short(str(error), 120)
    except Exception:
        words = ""
    name = type(error).__name__
    return f"{name}: {words}" if words else f"{name}."
