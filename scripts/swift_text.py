"""Swift source seen as code alone: what the checks in this folder look at."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def mask(source):
    """The source with comments, string contents and raw identifiers blanked; offsets and lines stay.

    Code inside an interpolation `\\(…)` of an ordinary string stays visible.
    """
    out = list(source)
    end = len(source)

    def blank(start, stop):
        for index in range(start, min(stop, end)):
            if out[index] != "\n":
                out[index] = " "

    def block_comment(start):
        depth, index = 1, start + 2
        while index < end and depth:
            if source.startswith("/*", index):
                depth, index = depth + 1, index + 2
            elif source.startswith("*/", index):
                depth, index = depth - 1, index + 2
            else:
                index += 1
        blank(start, index)
        return index

    def string(start):
        """Blanks the literal that begins at `start` (its pounds included) and returns the offset after it."""
        pounds = 0
        while source[start + pounds] == "#":
            pounds += 1
        quote = '"""' if source.startswith('"""', start + pounds) else '"'
        close, escape = quote + "#" * pounds, "\\" + "#" * pounds
        index = begin = start + pounds + len(quote)
        while index < end:
            if source.startswith(close, index):
                blank(begin, index)
                return index + len(close)
            if source.startswith(escape, index):
                after = index + len(escape)
                if source[after : after + 1] == "(":
                    blank(begin, index)
                    index = begin = code(after + 1, closing=True)
                    continue
                index = after + 1
                continue
            if quote == '"' and source[index] == "\n":
                break
            index += 1
        blank(begin, index)
        return index

    def code(index, closing=False):
        """Walks code; with `closing`, up to the parenthesis that ends an interpolation."""
        depth = 0
        while index < end:
            character = source[index]
            if source.startswith("//", index):
                stop = source.find("\n", index)
                stop = end if stop < 0 else stop
                blank(index, stop)
                index = stop
            elif source.startswith("/*", index):
                index = block_comment(index)
            elif character == '"' or (character == "#" and re.match(r'#+"', source[index:])):
                index = string(index)
            elif character == "`":
                stop = source.find("`", index + 1)
                stop = end if stop < 0 else stop
                blank(index + 1, stop)
                index = stop + 1
            elif closing and character == "(":
                depth, index = depth + 1, index + 1
            elif closing and character == ")":
                index += 1
                if depth == 0:
                    return index
                depth -= 1
            else:
                index += 1
        return index

    code(0)
    return "".join(out)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def body_end(code, opening):
    """The offset of the brace that closes the one at `opening`; the end of the text if none does."""
    depth = 0
    for index in range(opening, len(code)):
        if code[index] == "{":
            depth += 1
        elif code[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return len(code)
