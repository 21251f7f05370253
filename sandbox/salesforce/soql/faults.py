"""How Salesforce says what is wrong with a statement: a stretch of its text, a caret under the place, the place, and the sentence."""

from __future__ import annotations

from sandbox.salesforce.errors import OrgError, malformed_query

BEFORE, AFTER = 30, 31
"""Characters shown before the place and from it on; a word that begins inside is shown whole. Derived from some thirty recorded messages."""

NO_CUSTOM_OBJECT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
NO_CUSTOM_FIELD = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
NO_CUSTOM_RELATIONSHIP = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


def placed(text: str, at: int, sentence: str, shift: int = 0) -> str:
    """The sentence with the place in front of it, as Salesforce shows it; ``shift`` characters to the left of where it is."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line, column = text[start : end if end >= 0 else len(text)], at - start - shift
    left, right = max(0, column - BEFORE), min(len(line), column + AFTER)
    while left > 0 and not _parts(line[left - 1]):
        left -= 1
    while right < len(line) and not _parts(line[right]):
        right += 1
    row = text.count("\n", 0, at) + 1
    return f"\n{line[left:right]}\n{' ' * max(0, column - left)}^\nERROR at Row:{row}:Column:{column + 1}\n{sentence}"


def _parts(character: str) -> bool:
    return character == "," or character.isspace()


def wrong(text: str, at: int, code: str, sentence: str) -> OrgError:
    """A refusal that shows its place."""
    return OrgError(400, code, placed(text, at, sentence))


def unexpected(text: str, at: int, token: str) -> OrgError:
    """A word or sign that cannot stand where it stands.

    The vendor's parser counts columns from 0 and its message from 1, so the caret stands one to the left; at the very start it shows no
    place at all.
    """
    sentence = f"unexpected token: '{token}'"
    return malformed_query(placed(text, at, sentence, shift=1) if at else sentence)


def no_alternative(text: str, at: int) -> OrgError:
    """A moment without a zone: the vendor's reader of words, which stands before its parser, cannot go on at the next character."""
    row, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at) - 1
    character = text[at : at + 1] or "<EOF>"
    return malformed_query(placed(text, at, f"line {row}:{column} no viable alternative at character '{character}'", shift=1))


def no_such_object(text: str, at: int, name: str) -> OrgError:
    """The object does not exist, or this user may not see it."""
    return wrong(text, at, "INVALID_TYPE", f"sObject type '{name}' is not supported. {NO_CUSTOM_OBJECT}")


def no_such_column(text: str, at: int, name: str, entity: str) -> OrgError:
    """The field does not exist, or this user may not see it."""
    return wrong(text, at, "INVALID_FIELD", f"No such column '{name}' on entity '{entity}'. {NO_CUSTOM_FIELD}")


def no_such_parent(text: str, at: int, name: str) -> OrgError:
    """A path goes through a relationship that does not exist."""
    return wrong(text, at, "INVALID_FIELD", f"Didn't understand relationship '{name}' in field path. {NO_CUSTOM_RELATIONSHIP}")


def no_such_children(text: str, at: int, name: str) -> OrgError:
    """A child query names a relationship that does not exist."""
    return wrong(text, at, "INVALID_TYPE", f"Didn't understand relationship '{name}' in FROM part of query call. {NO_CUSTOM_RELATIONSHIP}")
