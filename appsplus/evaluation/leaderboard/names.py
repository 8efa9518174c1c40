"""Names that others chose, made safe: for people to read, for files to bear, and no two alike."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

from appsplus.judge.verdicts import visible

_SHOWN_CHARS = 80
_FILE_CHARS = 60
_WITH_DIGEST = re.compile(r"-[0-9a-f]{12}$")  # nobody takes the name that another gets
_HIDDEN = (
    "Cc Cf Cs Co Cn Zl Zp".split()
)  # control, format (text turned around), surrogates, private, unassigned, line ends


def shown_text(text: str, chars: int) -> str:
    """Text on one line, cut to so many characters, without those that nobody sees or that turn the text around."""
    text = unicodedata.normalize("NFC", text[: 8 * chars])
    text = " ".join("".join(" " if c.isspace() else c for c in text if c.isspace() or _is_seen(c)).split())
    return text if len(text) <= chars else text[: chars - 1].rstrip() + "…"


def shown_name(name: str) -> str:
    """A name as `shown_text`, never empty."""
    return shown_text(name, _SHOWN_CHARS) or "without a name"


def plain(text: str) -> str:
    """Text of others on a terminal: what is not printable is written as an escape, line ends too."""
    return visible(text).replace("\n", "\\n")


def distinct_names(names: Mapping[str, str]) -> dict[str, str]:
    """Shown names by key. Names that look the same get the first characters of their key, which is a hash."""
    shown = {key: shown_name(name) for key, name in names.items()}
    alike = Counter(map(_look, shown.values()))
    return {key: name if alike[_look(name)] == 1 else f"{name} #{key[:8]}" for key, name in shown.items()}


def file_names(names: Mapping[str, str]) -> dict[str, str]:
    """By key, a name for a file: ASCII letters, digits and hyphens only, no two alike on any file system."""
    stems = {key: _stem(name) for key, name in names.items()}
    alike = Counter(stems.values())
    return {
        key: stem if stem and alike[stem] == 1 and not _WITH_DIGEST.search(stem) else f"{stem or 'x'}-{_digest(key)}"
        for key, stem in stems.items()
    }


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN


def _look(name: str) -> str:
    """Equal for names that differ in case, spaces or the form of a character only."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _stem(name: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:_FILE_CHARS].strip("-")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
