"""Words for an event and for its absence in survival tables [A14]."""

from __future__ import annotations

from cartopath.cohort.cells import is_missing, name_key
from cartopath.core.errors import StatusError

_EVENT_WORDS = {
    *("1", "true", "yes", "event", "deceased", "dead", "died", "death", "expired"),
    *("dod", "deceasedofdisease", "deadofdisease", "diedofdisease", "deadwithtumor", "deceasedwithtumor"),
    *("recurred", "recurrence", "relapsed", "relapse", "progressed", "progression", "recurredprogressed", "progressedrecurred"),
}
_CENSORED_WORDS = {
    *("0", "false", "no", "noevent", "censored", "living", "alive", "aliveordeadtumorfree"),
    *("ned", "awd", "alivewithdisease", "alivewithtumor", "alivewithoutdisease", "alivetumorfree"),
    *("diseasefree", "tumorfree", "progressionfree", "recurrencefree", "relapsefree", "norecurrence", "norelapse"),
    *("noprogression", "notprogressed", "notrecurred", "notrecurrednotprogressed"),
}
_OTHER_DEATHS = {"diedofothercauses", "diedofothercause", "deadofothercauses", "deadofothercause", "doc", "deadtumorfree"}
"""Deaths that end overall survival and not disease-specific survival."""


def parse_status(word: object, *, column: str = "", endpoint: str = "OS") -> int | None:
    """Return 1 for an event, 0 for a censored patient, None where nothing is known.

    Args:
        word: `DECEASED`, `1:DECEASED`, `0`, `Alive`, `0:DiseaseFree`, `[Not Available]`, ... With a code before a colon, as
            cBioPortal writes it, the code decides.
        column: Name of the column: in one called `censorship` or `censored`, 1 means that the event did not happen.
        endpoint: A death of other causes is an event of `OS` and none of `DSS`; of other endpoints nobody knows.

    Raises:
        StatusError: Nobody knows the word, or its code and its word contradict each other.

    >>> parse_status("1:DECEASED"), parse_status("LIVING"), parse_status("1", column="censorship"), parse_status("")
    (1, 0, 0, None)
    >>> parse_status("Died of Other Causes"), parse_status("Died of Other Causes", endpoint="DSS")
    (1, 0)
    """
    text = "" if word is None or word != word else str(word).strip()
    if is_missing(text):
        return None
    inverse = name_key(column) in ("censorship", "censored", "censoring")
    if text in ("0.0", "1.0"):
        text = text[0]
    code, colon, rest = text.partition(":")
    if colon and code.strip() in ("0", "1"):
        event = int(code)
        contrary = _CENSORED_WORDS if event else _EVENT_WORDS
        if name_key(rest) in contrary:
            raise StatusError(f"{text!r}: its code says {'event' if event else 'no event'} and its word the opposite")
        return event
    key = name_key(text)
    if key in _OTHER_DEATHS and endpoint in ("OS", "DSS"):
        return int(endpoint == "OS")
    if key in _EVENT_WORDS:
        return 0 if inverse and key in ("1", "true", "yes") else 1
    if key in _CENSORED_WORDS:
        return 1 if inverse and key in ("0", "false", "no") else 0
    raise StatusError(f"{text!r} is not a known status")
