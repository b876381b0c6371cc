"""What a translation into Chinese has in common with what it was made from: code without its words, headings, links."""

from __future__ import annotations

import ast
import re

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")  # signs such as 。 and （, too
_QUOTED = re.compile(r'"[^"\n]*"')
_SIGNALS = re.compile(r"\[\w+\]|\{\{.*?\}\}")  # what the demo and the cell magic read in a prompt


def same_words(english: str, chinese: str) -> bool:
    """Whether a text of a program stayed, or was translated."""
    return english == chinese or bool(CHINESE.search(chinese))


class _WithoutWords(ast.NodeTransformer):
    """Takes texts out; a text's slots may come in any order, and a tuple may have other words to choose from."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A text is kept aside."""
        if isinstance(node.value, str):
            self.words.append(node.value)
            return ast.Constant("")
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """Slots may stand in another order."""
        slots = [_WithoutWords().visit(part) for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.JoinedStr(sorted(slots, key=ast.dump))

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """There may be more or fewer words for something."""
        if node.elts and all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in node.elts):
            return ast.Constant("words")
        return self.generic_visit(node)  # type: ignore[return-value]


def python_parts(source: str) -> tuple[str, list[str]]:
    """A Python cell's code without texts and comments, with its magics; and its texts in order."""
    lines = source.splitlines()
    magics = [_QUOTED.sub('""', line) for line in lines if line.startswith("%")]
    taker = _WithoutWords()
    tree = taker.visit(ast.parse("\n".join(line for line in lines if not line.startswith("%"))))
    return "\n".join([*magics, ast.dump(tree)]), taker.words


def same_code(english: str, chinese: str) -> bool:
    """Whether two cells say the same to the machine, but for prompts and what is printed."""
    if english.startswith("%%"):
        (line, *prompt), (chinese_line, *chinese_prompt) = english.splitlines(), chinese.splitlines()
        return (
            _QUOTED.sub('""', line) == _QUOTED.sub('""', chinese_line)
            and len(prompt) == len(chinese_prompt)
            and all(map(same_words, prompt, chinese_prompt))
            and _SIGNALS.findall("\n".join(prompt)) == _SIGNALS.findall("\n".join(chinese_prompt))
        )
    code, texts = python_parts(english)
    chinese_code, chinese_texts = python_parts(chinese)
    return code == chinese_code and all(map(same_words, texts, chinese_texts))


def headings(markdown: str) -> list[int]:
    """The levels of the headings."""
    return [len(signs) for signs in re.findall(r"^(#+) ", _without_fences(markdown), re.MULTILINE)]


def links(markdown: str) -> list[str]:
    """What links and pictures lead to, in order."""
    return re.findall(r"\]\(([^)\s]+)\)", _without_fences(markdown))


def inline_code(markdown: str) -> set[str]:
    """What stands between backticks and has no Chinese."""
    return {code for code in re.findall(r"`([^`\n]+)`", _without_fences(markdown)) if not CHINESE.search(code)}


def _without_fences(markdown: str) -> str:
    return re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
