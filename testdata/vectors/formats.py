#!/usr/bin/env python3
"""Writes vectors.json and vectors.h, which hold what the text files hold. README.md describes all three.

usage: formats.py          writes both files
       formats.py --check  writes nothing, and fails if one of them is not what would be written
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
SETS = [f"ipv{ip}-{profile}" for profile in ("netfilter", "tcp-stack", "destination") for ip in (4, 6)]


def read(name):
    """The comment of a text file, and its vectors: name, offender, "reset" or "silence", reply or reason."""
    comment, *lines = (HERE / f"{name}.txt").read_text("ascii").splitlines()
    if not comment.startswith("# "):
        sys.exit(f"formats.py: {name}.txt: the first line is no comment")
    vectors = []
    for line in lines:
        parts = line.split(" ")
        answer = r"[0-9a-f]+" if parts[2:3] == ["reset"] else r"[A-Za-z]+"
        if len(parts) != 4 or parts[2] not in ("reset", "silence") or not re.fullmatch(answer, parts[3]):
            sys.exit(f"formats.py: {name}.txt: not a vector: {line}")
        bytes.fromhex(parts[1])
        vectors.append(parts)
    return comment[2:].removesuffix(" README.md describes the format."), vectors


def as_json(sets):
    """One vector a line, so that a difference between two versions can be read."""
    blocks = []
    for name, (comment, vectors) in sets.items():
        ip, profile = name.split("-", 1)
        lines = [f'{{"name":"{n}","offender":"{o}","{kind}":"{answer}"}}' for n, o, kind, answer in vectors]
        blocks.append(f'{{"name":"{name}","ip":{ip[3:]},"profile":"{profile}","comment":"{comment}","vectors":[\n'
                      + ",\n".join(lines) + "\n]}")
    return '{"format":1,"sets":[\n' + ",\n".join(blocks) + "\n]}\n"


def as_header(sets):
    """Each packet is one array, also where several vectors have it."""
    packets = {}
    arrays = []
    for name, (comment, vectors) in sets.items():
        rows = []
        for vector, offender, kind, answer in vectors:
            for packet in (offender, answer) if kind == "reset" else (offender,):
                packets.setdefault(packet, f"tcp_reset_packet_{len(packets)}")
            reset = f"{packets[answer]}, {len(answer) // 2}, 0" if kind == "reset" else f'0, 0, "{answer}"'
            rows.append(f'{{"{vector}", {packets[offender]}, {len(offender) // 2}, {reset}}},')
        symbol = "tcp_reset_vectors_" + name.replace("-", "_")
        arrays.append(f"/* {comment} */\nstatic const struct tcp_reset_vector {symbol}[{len(rows)}] = {{\n"
                      + "\n".join(rows) + "\n};\n")
    table = "".join(f'{{"{name}", tcp_reset_vectors_{name.replace("-", "_")}, {len(vectors)}}},\n'
                    for name, (_, vectors) in sets.items())
    bytes_of = "".join(f"static const uint8_t {symbol}[] = {{{','.join(map(str, bytes.fromhex(packet)))}}};\n"
                       for packet, symbol in packets.items())
    return HEADER + bytes_of + "\n" + "\n".join(arrays) + TABLE.replace("@", table)


HEADER = """/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Offending packets and their resets. Written by formats.py from the text files: README.md describes them. */
#ifndef TCP_RESET_VECTORS_H
#define TCP_RESET_VECTORS_H

#include <stdint.h>

struct tcp_reset_vector {
    const char *name;
    const uint8_t *offender;
    uint16_t offender_len;
    const uint8_t *reset; /* null: the offender gets no reset */
    uint16_t reset_len;
    const char *silence; /* why not, or null */
};

struct tcp_reset_vector_set {
    const char *name;
    const struct tcp_reset_vector *vectors;
    uint16_t count;
};

"""
TABLE = """
static const struct tcp_reset_vector_set tcp_reset_vector_sets[6] = {
@};

#endif
"""


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    sets = {name: read(name) for name in SETS}
    count = sum(len(vectors) for _, vectors in sets.values())
    for name, text in (("vectors.json", as_json(sets)), ("vectors.h", as_header(sets))):
        path = HERE / name
        if sys.argv[1:] == []:
            path.write_text(text, "ascii")
        elif not path.exists() or path.read_text("ascii") != text:
            sys.exit(f"formats.py: {name} is not what the text files hold: run testdata/vectors/formats.py")
        print(f"{name}: {count} vectors in {len(sets)} sets")


if __name__ == "__main__":
    main()
