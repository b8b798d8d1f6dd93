"""The hash that places a key in a partition, as Kafka's Java client computes it.

murmur2 is the 32-bit MurmurHash2 with seed 0x9747b28c; the partition is `(murmur2 & 0x7fffffff) % partitions`. A key that
reaches Posthorn through any client lands in the partition where the same key lands in Kafka.
"""

from __future__ import annotations

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Returns the hash as an unsigned 32-bit integer."""
    length = len(data)
    value = (_SEED ^ length) & _MASK
    whole = length & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little")
        word = (word * _MULTIPLIER) & _MASK
        word ^= word >> 24
        value = ((value * _MULTIPLIER) ^ (word * _MULTIPLIER)) & _MASK
    if whole < length:
        value ^= int.from_bytes(data[whole:], "little")
        value = (value * _MULTIPLIER) & _MASK
    value ^= value >> 13
    value = (value * _MULTIPLIER) & _MASK
    return value ^ (value >> 15)


def partition_for_key(key: bytes, partitions: int) -> int:
    """Returns the partition of a record with a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
