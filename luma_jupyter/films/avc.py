"""Packets of H.264 as MP4 files have them: whether they may be damaged, without decoding them."""

from __future__ import annotations

_CONFIGURED = 1  # the first byte of an MP4 file's decoder configuration (ISO/IEC 14496-15, section 5.3.3.1)
_NEVER = b"\0\0\0"  # is not in any unit, of which an encoder sees to it (ISO/IEC 14496-10, section 7.4.1)


def length_size(extradata: bytes) -> int:
    """How many bytes say how long a unit is; 0 where units are not kept like that."""
    return (extradata[4] & 3) + 1 if len(extradata) > 4 and extradata[0] == _CONFIGURED else 0


def looks_damaged(packet: bytes, length_size: int) -> bool:
    """Whether a packet's units do not fill it, or have zeros in a row, as a hole in a file has."""
    at = 0
    while at < len(packet):
        begin = at + length_size
        length = int.from_bytes(packet[at:begin], "big")
        at = begin + length
        if not length or packet.find(_NEVER, begin, at) >= 0:
            return True
    return at != len(packet)
