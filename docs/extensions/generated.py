"""What the reference says, made from the package's own tables and docstrings: it is typed there, and nowhere else.

A page says where: a fence ``{generated} options``. `expand` does for tests what Sphinx does for the page.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from badges import badges
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import luma_jupyter as luma
from luma_jupyter import errors, settings
from luma_jupyter.cells.options import FILM_OPTIONS, HISTORY_OPTIONS, LINE_WORDS, OPTIONS, Option
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain import vocabulary
from luma_jupyter.domain.vocabulary import Status


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """A text as code in a sentence."""
    return f"`{text}`"


def _is_python(block: str) -> bool:
    try:
        ast.parse(block)
    except SyntaxError:
        return False
    return True


def prose(docstring: str) -> str:
    """A docstring as Markdown: its code in single backticks, and what stands behind ``::`` as a block."""
    text = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(docstring))
    blocks = re.split(r"::\n\n((?:(?:    .*)?\n)+)", f"{text}\n")
    for number in range(1, len(blocks), 2):
        block = inspect.cleandoc(blocks[number])
        blocks[number] = f":\n\n```{'python' if _is_python(block) else 'text'}\n{block}\n```\n\n"
    return "".join(blocks).strip()


def first_sentence(thing: object) -> str:
    """The first line of a docstring, as Markdown."""
    return prose((inspect.getdoc(thing) or "").split("\n\n")[0]).replace("\n", " ")


def attribute_docs(module: ModuleType, name: str) -> Mapping[str, str]:
    """The docstrings that stand below the attributes of a class, by attribute."""
    tree = ast.parse(inspect.getsource(module))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    found: dict[str, str] = {}
    for node, below in pairwise(body):
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            text = prose(below.value.value).replace("\n", " ")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found |= {name.id: text for name in targets if isinstance(name, ast.Name)}
    return found


def _options(options: Iterable[Option]) -> str:
    rows = (
        (" · ".join(code(f"{flag} {option.metavar}".rstrip()) for flag in option.all_flags), option.help)
        for option in options
    )
    return table(("option", "what it does"), rows)


def _line_words() -> str:
    rows = (
        (code(f"%luma {word.word} {word.arguments}".rstrip()), "; ".join(filter(None, (word.help, word.more))))
        for word in LINE_WORDS
    )
    return table(("what you type", "what it does"), rows)


def _default(name: str) -> str:
    field = next(field for field in fields(settings.Settings) if field.name == name)
    value = field.default
    if value is None or value is MISSING:
        return "not set"
    return code(f"{value:d}" if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value))


def _settings() -> str:
    docs = attribute_docs(settings, "Settings")
    names = ((name, settings.variable(name)) for name in settings.SETTABLE)
    rows = ((" ".join(code(one) for one in pair if one), _default(pair[0]), docs[pair[0]]) for pair in names)
    return table(("name and environment variable", "default", "what it is"), rows)


def _statuses() -> str:
    docs = attribute_docs(vocabulary, "Status")
    return table(("status", "what it means"), ((code(status), docs[status.name]) for status in Status))


def _errors() -> str:
    tree = inspect.getdoc(errors) or ""
    drawn = tree.split("::\n\n")[1].split("\n\nIn IPython")[0]
    public = set(luma.__all__)
    rows = (
        (code(f"luma.{name}" if name in public else f"luma.errors.{name}"), first_sentence(getattr(errors, name)))
        for name in errors.__all__
    )
    return f"```text\n{inspect.cleandoc(drawn)}\n```\n\n{table(('error', 'what it means'), rows)}"


def _signature(name: str, thing: Callable[..., Any]) -> str:
    signature = inspect.signature(thing)
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    hidden = [parameter for parameter in plain if parameter.name != "self"]
    return f"{name}{signature.replace(parameters=hidden, return_annotation=signature.empty)}"


def _functions() -> str:
    parts = []
    for name in luma.__all__:
        thing = getattr(luma, name)
        if not isinstance(thing, type):
            call = _signature(f"luma.{name}", thing)
            parts.append(f"## {name}\n\n```python\n{call}\n```\n\n{prose(thing.__doc__ or '')}")
    return "\n\n".join(parts)


# What joins clips and lists of them to the rest of the package, and is no business of a notebook.
INSIDE = {
    *("as_cut", "file", "follow", "handle", "presenter", "record", "state", "state_of", "task"),
    *("identity", "settled", "standing", "waited_for"),
}


def members(kind: type) -> Mapping[str, Any]:
    """What a class has for users, by name; without what every list has."""
    found: dict[str, Any] = {}
    for one in reversed([base for base in kind.__mro__ if base.__module__.startswith("luma_jupyter")]):
        found |= {name: thing for name, thing in vars(one).items() if not name.startswith("_") and name not in INSIDE}
    return {name: found[name] for name in sorted(found) if inspect.getdoc(found[name])}


def _class(kind: type) -> str:
    rows = (
        (
            code(name if isinstance(thing, property) or not callable(thing) else _signature(name, thing)),
            first_sentence(thing),
        )
        for name, thing in members(kind).items()
    )
    return f"{prose(kind.__doc__ or '')}\n\n{table(('name', 'what it is'), rows)}"


def _module_docstring(name: str) -> str:
    first, _, rest = (import_module(name).__doc__ or "").strip().partition("\n\n")
    return f"{prose(first)}\n\n```text\n{rest.replace('::', ':')}\n```"


def _folders() -> str:
    root = Path(luma.__file__).parent
    places = [path for path in root.iterdir() if not path.name.startswith("_") and (path / "__init__.py").exists()]
    modules = [path for path in root.glob("*.py") if not path.name.startswith("_")]
    names = sorted(path.stem for path in (*places, *modules))
    rows = ((code(name), first_sentence(import_module(f"luma_jupyter.{name}"))) for name in names)
    return table(("folder or module", "what is there"), rows)


GENERATED: Mapping[str, Callable[[], str]] = {
    "options": lambda: _options(OPTIONS),
    "film-options": lambda: _options(FILM_OPTIONS),
    "history-options": lambda: _options(HISTORY_OPTIONS),
    "line-words": _line_words,
    "settings": _settings,
    "statuses": _statuses,
    "errors": _errors,
    "functions": _functions,
    "clip": lambda: _class(luma.Clip),
    "clip-list": lambda: _class(ClipList),
    "studio": lambda: _class(luma.Studio),
    "folders": _folders,
    "badges": badges,
    "way-down": lambda: _module_docstring("luma_jupyter.engine"),
    "way-up": lambda: _module_docstring("luma_jupyter.widgets"),
}
_FENCE = re.compile(r"^```\{generated\} (\S+)\n```$", re.MULTILINE)


def expand(page: str) -> str:
    """A page's Markdown with all that is generated in its place."""
    return _FENCE.sub(lambda fence: GENERATED[fence[1]](), page)


class Generated(SphinxDirective):
    """The directive: ``{generated} NAME``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read what was made as a part of the page."""
        self.env.note_reread()  # Sphinx cannot see that the program has changed
        return self.parse_text_to_nodes(GENERATED[self.arguments[0]](), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
