"""YAML of strangers: plain values only, and never more work than its size is worth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_tools.errors import BadFile, KitError

YAML_LIMIT = 1 << 20  # bytes; the config.yaml of a run has two thousand
DEPTH = 20            # of nested lists and dictionaries
NODES = 20_000
LONGEST_WORD = 3000   # characters of a value without spaces
MARKS = "[{&*!"       # with which a text may be more than a text to whoever reads it as YAML once more


def read_yaml(path: Path) -> Any:
    """The values in a file; KitError where it cannot be read, is too large or holds more than plain values."""
    try:
        with open(path, "rb") as file:
            content = file.read(YAML_LIMIT + 1)
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > YAML_LIMIT:
        raise BadFile("too-large", f"{path} is larger than {YAML_LIMIT >> 10} KB; a run does not write that much")
    try:
        return parse_yaml(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise BadFile("bad-text", f"{path} is not UTF-8 text (byte {error.start})") from None


def parse_yaml(text: str, where: Any) -> Any:
    """The values of a YAML text that holds plain values only: no tags, no anchors and aliases, no deep nesting.

    The text is read event by event first, so that nothing is built of one that would grow when it is; texts in it too,
    since some settings are read as YAML once more.
    """
    import yaml

    try:
        for value in _checked(text, where):
            if any(mark in value for mark in MARKS):
                try:
                    for _ in _checked(value, where):
                        pass
                except (yaml.YAMLError, RecursionError, ValueError):
                    pass  # a text and nothing else
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadFile("bad-yaml", f"{where} is not valid YAML: {reason}") from None


def _checked(text: str, where: Any) -> Iterator[str]:
    """The single values of a text; BadFile where it holds what no run writes."""
    import yaml

    no_run = f"{where} is not valid YAML for a run"
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None):  # of an alias too
            raise BadFile("yaml-aliases", f"{no_run}: it has the anchor or alias {event.anchor[:40]!r}; a run writes "
                                          "every value out")
        if getattr(event, "tag", None):
            raise BadFile("yaml-tags", f"{no_run}: it has the tag {event.tag[:60]!r}; only plain values are read")
        value = getattr(event, "value", "")
        if len(value) > LONGEST_WORD and not any(map(str.isspace, value)):
            raise BadFile("bad-yaml", f"{no_run}: it has a word or number of {len(value)} characters; a run writes "
                                      "none")  # Python refuses to write out such a number
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > DEPTH or nodes > NODES:
            raise BadFile("yaml-deep", f"{no_run}: nested deeper than {DEPTH} levels or more than {NODES} values")
        if value:
            yield value
