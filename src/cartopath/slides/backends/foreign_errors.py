"""What the libraries under this layer raise on damaged files: the one place where their exceptions are listed.

Fuzzing files shows that parsers of binary formats do not keep to one exception class. Each list is what was seen or is documented
for one library, and no more: a mistake in cartopath itself (a misspelt name, a failed import) still surfaces as what it is.
"""

from __future__ import annotations

import struct
import zlib

import tifffile

STRUCTURE_ERRORS: tuple[type[Exception], ...] = (
    tifffile.TiffFileError,  # what tifffile says of a file that it knows to be wrong
    OSError,  # the file cannot be read, or a seek goes before its start
    ValueError,  # numbers outside of what an enumeration, a date or numpy allows; undecodable text
    TypeError,  # a tag holds a tuple or text where a number belongs
    AttributeError,  # a tag holds None where something belongs
    KeyError,  # an indispensable tag is not there
    IndexError,  # a tag has fewer values than it must
    struct.error,  # cut off inside a number
    OverflowError,  # an offset beyond 64 bits
    ZeroDivisionError,  # frames without width or length
    NotImplementedError,  # a layout that tifffile knows but does not read
    AssertionError,  # tifffile's own assumptions
    EOFError,  # cut off
    MemoryError,  # a declared size that no memory holds
    RecursionError,  # directories inside each other
)
"""tifffile, while it reads the directories of a TIFF."""

FRAME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,  # the base of every error class of imagecodecs
    ValueError,  # what simplejpeg says of a damaged frame; a picture of another size than declared
    TypeError,  # shared tables or colour spaces that the codec cannot take
    OverflowError,  # a size beyond 31 bits
    MemoryError,  # the codec's own buffers
)
"""imagecodecs and simplejpeg, while they decode a frame."""

IMAGE_ERRORS: tuple[type[Exception], ...] = (
    OSError,  # truncated, unidentified or unreadable
    SyntaxError,  # Pillow's word for a damaged PNG or JPEG header
    ValueError,  # impossible sizes, undecodable text chunks, oversized text
    TypeError,  # missing parts of a header
    KeyError,  # an unknown colour type
    IndexError,  # a segment that is too short
    AttributeError,  # a chunk comes before the one it depends on
    struct.error,  # a segment that is too short
    zlib.error,  # damaged compressed chunks
    EOFError,  # cut off
    OverflowError,  # a size beyond 31 bits
    MemoryError,  # a declared size that no memory holds
)
"""Pillow, while it opens or decodes a PNG or JPEG."""


def reason(error: Exception) -> str:
    """Return what an exception says, on one line, or its class where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
