"""What a YAML parser complains about, in a person's words."""

from __future__ import annotations

import re
from typing import Final, TypedDict

import yaml


class Words(TypedDict, total=False):
    """The parts of a problem that do not depend on where it stands."""

    what: str
    expected: str
    hint: str


class OutOfBounds(yaml.MarkedYAMLError):
    """The document is YAML, but not of the plain and small kind that a recipe is."""


_KNOWN: Final[dict[str, Words]] = {
    "cannot start any token": {
        "what": "a value begins with a character that YAML keeps for itself",
        "expected": "text with such a character in quotes",
        "hint": 'try: "..." around the value',
    },
    "could not find expected ':'": {
        "what": "this line has no colon",
        "expected": "key: value, with a space after the colon",
    },
    "expected ',' or '}'": {
        "what": "a { in or above this line is not closed, or a comma is missing",
        "expected": "braces in pairs, as in {key: value, key: value}",
    },
    "expected ',' or ']'": {
        "what": "a [ in or above this line is not closed, or a comma is missing",
        "expected": "brackets in pairs, as in [0.9, 0.999]",
    },
    "expected <block end>": {
        "what": "this line does not fit what stands before it",
        "expected": "the keys of one section equally deep, nothing after a closing quote, brackets in pairs",
    },
    "expected the node content": {
        "what": "a comma, colon or bracket stands here with nothing before it",
        "expected": "a value, such as [0.9, 0.999]",
    },
    "sequence entries are not allowed": {
        "what": "a list begins within a line or too deep",
        "expected": "each - item in a line of its own, or [item, item]; text that begins with a dash in quotes",
    },
    "mapping keys are not allowed": {
        "what": "a ? stands here, which begins a key for YAML",
        "expected": "key: value; text that begins with ? in quotes",
    },
    "expected '<document start>'": {
        "what": "this line is neither a key with a colon nor part of what stands above it",
        "expected": "keys and values, such as name: digits-mlp",
    },
    "found unexpected end of stream": {
        "what": "a quote in or above this line is not closed",
        "expected": 'quotes in pairs, such as "text"',
    },
    "expected a comment or a line break": {
        "what": "text stands behind a | or > of this line",
        "expected": "long text in the lines below the | or >, or quotes around text that begins with one",
    },
    "expected chomping or indentation": {
        "what": "text stands behind a | or > of this line",
        "expected": "long text in the lines below the | or >, or quotes around text that begins with one",
    },
    "unknown escape character": {
        "what": "a backslash stands within double quotes",
        "expected": "single quotes around text with backslashes, such as 'C:\\data'",
    },
    "expected alphabetic or numeric character": {
        "what": "a * or & stands here without a name",
        "expected": "quotes around text that begins with * or &",
    },
    "found undefined alias": {
        "what": "an alias names nothing that stands above it",
        "expected": "a value marked with & above, or quotes around text that begins with *",
    },
    "found duplicate anchor": {"what": "the same & name is given twice", "expected": "each & name once"},
    "but found another document": {
        "what": "a second document begins here",
        "expected": "one recipe in a file, and no line of only three dashes within it",
    },
    "unacceptable character": {
        "what": "there is a control character in the text",
        "expected": "plain text; was the file saved by a program that is not a text editor?",
    },
}


def explain_syntax(error: yaml.YAMLError, text: str) -> tuple[int, Words]:
    """The line, from 1, at which YAML cannot be read, and what is wrong there."""
    complaint = str(error)
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1, _KNOWN["unacceptable character"]
    problem = getattr(error, "problem", None) or complaint
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    if isinstance(error, OutOfBounds):
        return line, {"what": problem, "expected": error.context or ""}
    lines = text.splitlines() or [""]
    line = min(line, len(lines))
    if "\t" in _indentation(lines[line - 1]):
        return line, {
            "what": "this line is indented with a tab",
            "expected": "spaces; YAML does not take tabs there",
            "hint": "try: two spaces for each level",
        }
    if "mapping values are not allowed" in problem:
        return _colon_out_of_place(lines, line)
    if "could not find expected ':'" in problem and getattr(error, "context_mark", None):
        line = error.context_mark.line + 1  # type: ignore[attr-defined]
        if ":" in lines[line - 1]:
            return line, {"what": "this line has no space after its colon", "expected": "key: value"}
    known = next((words for key, words in _KNOWN.items() if key in complaint), None)
    short = problem.splitlines()[0]
    return line, known or {"what": f"this is not YAML: {short}", "expected": "YAML, such as lr: 3e-4"}


def _colon_out_of_place(lines: list[str], line: int) -> tuple[int, Words]:
    here = lines[line - 1]
    if len(_COLON.findall(here)) > 1:
        return line, {
            "what": "a second colon stands in this line",
            "expected": "one key: value in a line, or {key: value, key: value}",
            "hint": "try: quotes around a value that holds a colon and a space",
        }
    above = next((number for number in range(line - 1, 0, -1) if _says_something(lines[number - 1])), None)
    if above is not None and not _COLON.search(lines[above - 1]):
        return above, {
            "what": "this line has no key with a colon and a space after it",
            "expected": "key: value",
        }
    return line, {
        "what": "this line is indented deeper than the one above, which has its value already",
        "expected": "the keys of one section equally deep",
    }


_COLON: Final = re.compile(r":(?=\s|$)")


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
