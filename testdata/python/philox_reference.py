#!/usr/bin/env python3
"""Hornbeam's random numbers, in plain Python and exact: reproduces any draw, bit for bit.

    philox_reference.py --seed 1 --purpose WEIGHT_NOISE --tensor 3 --step 7 --stream 0 --element 12
    philox_reference.py --write testdata/philox/draws.csv

Needs nothing but Python 3.8. Floats are rational numbers (Fraction) rounded to f32 where the engine rounds, so this page
is also the definition of what the engine computes; docs/randomness.md explains it.
"""
import argparse
import struct
from fractions import Fraction
from math import isqrt

PURPOSES = ["TEST", "INIT", "WEIGHT_NOISE", "DROPOUT", "SHUFFLE", "AUGMENT", "LABEL_NOISE", "CORRUPTION", "INPUT", "DATA"]
MASK32 = 0xFFFFFFFF


# ---- words ------------------------------------------------------------------------------------------------------------

def philox4x32_10(counter, key):
    """Salmon, Moraes, Dror and Shaw (SC 2011): ten rounds on four words under a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK32, (a >> 32) ^ c3 ^ k1, a & MASK32
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def block(seed, purpose, tensor, step, stream, index):
    """The four words of elements 4 index .. 4 index + 3."""
    seed &= (1 << 64) - 1
    counter = (index, tensor & MASK32, step & MASK32, purpose << 24 | stream)
    return philox4x32_10(counter, (seed & MASK32, seed >> 32))


def word(seed, purpose, tensor, step, stream, element):
    return block(seed, purpose, tensor, step, stream, element // 4)[element % 4]


# ---- f32 arithmetic, exactly -------------------------------------------------------------------------------------------

def round_f32(x):
    """The f32 nearest to the rational x, ties to even. Only normal results occur here."""
    if x == 0:
        return Fraction(0)
    sign, x = (-1, -x) if x < 0 else (1, x)
    e = x.numerator.bit_length() - x.denominator.bit_length() - 24  # x / 2^e has 24 or 25 bits before the point
    while x >= Fraction(2) ** (e + 24):
        e += 1
    while x < Fraction(2) ** (e + 23):
        e -= 1
    y = x / Fraction(2) ** e
    n, rest = divmod(y.numerator, y.denominator)
    twice = 2 * rest
    if twice > y.denominator or (twice == y.denominator and n & 1):
        n += 1
    return sign * n * Fraction(2) ** e


def fma(a, b, c):
    return round_f32(a * b + c)


def mul(a, b):
    return round_f32(a * b)


def sqrt(x):
    """The f32 nearest to the square root: enough extra bits, and one more that says whether anything was cut off."""
    if x == 0:
        return Fraction(0)
    shift = 60 + x.denominator.bit_length()
    scaled = (x.numerator << 2 * shift) // x.denominator
    root = isqrt(scaled)
    exact = root * root == scaled and (x.numerator << 2 * shift) % x.denominator == 0
    return round_f32(Fraction(2 * root + (0 if exact else 1), 2 << shift))


def f32_bits(x, negative_zero=False):
    bits = struct.unpack("<I", struct.pack("<f", float(x)))[0]  # float() is exact for an f32
    return bits | (0x80000000 if x == 0 and negative_zero else 0)


def hexf(text):
    return Fraction(float.fromhex(text))


# ---- uniform and normal -------------------------------------------------------------------------------------------------

LOG = [hexf(t) for t in ("0x1.123a48p-3", "0x1.24b3fep-2", "0x1.65865cp-2", "0x1.9b9dfep-2",
                         "0x1.ff522ep-2", "0x1.554c90p-1", "0x1.0000aap+0", "2.0")]
SINE = [hexf(t) for t in ("0x1.4701dep-13", "-0x1.32e974p-8", "0x1.466f3ep-4", "-0x1.4abbf0p-1", "0x1.921fb6p+0")]
COSINE = [hexf(t) for t in ("-0x1.8bd854p-16", "0x1.d4786ep-11", "-0x1.472a76p-6", "0x1.de9e60p-3", "-1.0")]
MINUS_2_LN_2 = hexf("-0x1.62e430p+0")


def horner(coefficients, x):
    value = coefficients[0]
    for c in coefficients[1:]:
        value = fma(value, x, c)
    return value


def uniform(u):
    """(u >> 8) / 2^24, in [0, 1)."""
    return Fraction(u >> 8, 1 << 24)


def radius(u):
    """sqrt(-2 ln x), x = ((u >> 8) + 1) / 2^24 = m 2^e with m in [3/4, 3/2)."""
    m, e = Fraction((u >> 8) + 1, 1 << 24), 0
    while m < Fraction(3, 4):
        m, e = 2 * m, e - 1
    f = 1 - m
    return sqrt(fma(f, horner(LOG, f), mul(Fraction(e), MINUS_2_LN_2)))


def normals(u0, u1):
    """The bits of the two normals that a pair of words gives: r cos(a), r sin(a), a = 2 pi (u1 >> 8) / 2^24."""
    half, fraction = divmod(Fraction(u1 >> 8, 1 << 23), 1)  # in half turns
    if fraction >= Fraction(1, 2):
        half, fraction = half + 1, fraction - 1
    s = 2 * fraction
    y = mul(s, s)
    zeros = fma(s, s, Fraction(-1))  # cos = zeros * a polynomial, both negative, so that small cosines are accurate too
    r = radius(u0) * (-1 if half % 2 else 1)
    cosine = mul(mul(r, zeros), horner(COSINE, y))
    sine = mul(mul(r, s), horner(SINE, y))
    # A Fraction has no -0: there the sign is that of the product, as IEEE 754 has it.
    negative = half % 2 == 1
    return f32_bits(cosine, negative == (zeros < 0)), f32_bits(sine, negative != (s < 0))


def normal_bits(seed, purpose, tensor, step, stream, element):
    words = block(seed, purpose, tensor, step, stream, element // 4)
    pair = element % 4 // 2 * 2
    return normals(words[pair], words[pair + 1])[element % 2]


# ---- the file both test suites read ---------------------------------------------------------------------------------------

def rows():
    for purpose in range(len(PURPOSES)):
        for element in range(8):
            yield 1, purpose, 0, 0, 0, element
    for element in list(range(64)) + [1023, 4096, 99999, 2**31 + 5, 2**34 - 1]:
        yield 0x0123456789ABCDEF, 2, 7, 1234, 11, element
    for seed in (0, 2**32, 2**63, 2**64 - 1):
        for element in (0, 1, 2, 3, 17):
            yield seed, 0, 0, 0, 0, element
    for tensor, step, stream in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (2**32 - 1, 0, 0), (0, 2**32 - 1, 0), (0, 0, 2**24 - 1),
                                 (61, 117000, 8 * 7 + 3)):
        for element in range(12):
            yield 42, 2, tensor, step, stream, element


def write(path):
    with open(path, "w", newline="\n") as out:
        out.write("seed,purpose,tensor,step,stream,element,word,uniform_bits,normal_bits\n")
        for row in rows():
            u = word(*row)
            out.write(",".join(str(v) for v in row) + f",{u:08x},{f32_bits(uniform(u)):08x},{normal_bits(*row):08x}\n")


def self_test():
    """The published known answers of Random123 1.14 (kat_vectors, philox4x32 10)."""
    ones = (MASK32,) * 4
    assert philox4x32_10((0,) * 4, (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox4x32_10(ones, ones[:2]) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    assert philox4x32_10((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)) == (
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--write", metavar="FILE", help="write the table of draws that the tests read")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--purpose", choices=PURPOSES, default="TEST")
    for name in ("tensor", "step", "stream", "element"):
        p.add_argument("--" + name, type=int, default=0)
    a = p.parse_args()
    self_test()
    if a.write:
        write(a.write)
        return
    at = (a.seed, PURPOSES.index(a.purpose), a.tensor, a.step, a.stream, a.element)
    u, n = word(*at), normal_bits(*at)
    print(f"word    {u:08x}")
    print(f"uniform {float(uniform(u))!r}")
    print(f"normal  {struct.unpack('<f', struct.pack('<I', n))[0]!r} (bits {n:08x})")


if __name__ == "__main__":
    main()
