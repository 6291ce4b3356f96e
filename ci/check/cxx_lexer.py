"""Reads C++ well enough for the checks beside it: comments and literals blanked, blocks and initialisers told apart."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "properties/judge/kernel/"  # code of a Linux kernel, in its style

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"                                     # comments
    r'|(?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"'  # raw strings
    r'|"(?:[^"\\\n]|\\.)*"'                                   # strings
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)*'",                  # characters, not digit separators
    re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE | re.DOTALL)


def blank(text):
    """The same text, every position kept, with comments, literals' contents and preprocessor lines as blanks."""
    def spaces(match):
        whole = match.group(0)
        if whole[0] == "/":
            return re.sub(r"[^\n]", " ", whole)
        return whole[0] + re.sub(r"[^\n]", " ", whole[1:-1]) + whole[-1]
    text = _TOKEN.sub(spaces, text)
    return _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


_BODY_AFTER = re.compile(  # what stands before a brace that opens a block, not an initialiser
    r"(?:^|[;{}):]|\b(?:else|do|try|const|noexcept|override|final|mutable|constexpr|consteval|volatile|&|&&))\s*$"
    r"|\)\s*(?:const|mutable|noexcept|constexpr|static|&&?|\s)*->[^;{}()]*$"  # a trailing return type
    r"|(?:^|[^\w])\[[^\[\]]*\]\s*$")                                           # a lambda without parameters
HEAD = re.compile(r"^\s*(?:(?:inline|export|typedef|constexpr|static|const)\s+)*"
                   r"(?:template\b.*>\s*)?(?:namespace|class|struct|union|enum|extern|concept)\b", re.DOTALL)


def opens_block(before):
    """Whether the brace after `before` (the text since the last statement boundary) opens a block or a body."""
    if HEAD.match(before) and "=" not in before and not before.rstrip().endswith(("(", ",")):
        return True
    return bool(_BODY_AFTER.search(before))


def sources(root=ROOT):
    """The C++ files of the tree, as git sees it where there is one (new files count, ignored ones do not)."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], check=True,
                                capture_output=True, text=True).stdout.splitlines()
    else:
        listed = [p.relative_to(root).as_posix() for p in root.rglob("*")]
    return [name for name in sorted(set(listed)) if name.endswith((".h", ".cc")) and not name.startswith(FOREIGN)
            and (root / name).is_file()]


def line_of(text, position):
    return text.count("\n", 0, position) + 1
