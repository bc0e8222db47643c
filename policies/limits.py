"""Bounds on what a program may look like and on the work that can be seen in it. What they miss, the container ends."""

from __future__ import annotations

MAX_SOURCE_BYTES = 64 * 1024  # programs in the paper's form are 1 to 4 KiB
MAX_NODES = 20_000  # syntax tree nodes; a 64 KiB program of ordinary density has half of that
MAX_DEPTH = 90  # levels of the syntax tree; the rewriting uses four Python frames for each
MAX_FINDINGS = 50  # reported per program
MAX_SUGGESTIONS = 5  # findings that get a nearest permitted name: finding it is slow
MAX_LENGTH_APART = 4  # letters, of a refused name and a permitted one that may have been meant

MAX_INT_BITS = 65_536  # of any integer that *, ** or << makes
MAX_MODULAR_BITS = 4_096  # of any operand of pow with a modulus: its time grows with the cube
MAX_REPEAT = 10_000_000  # elements or characters of a repeated sequence
MAX_ENDLESS = 1_000_000  # steps of itertools.count, cycle and repeat, which have no end of their own
MAX_RANGE = 1_000_000_000  # steps of one range: more cannot end within any deadline
MAX_FORMAT_WIDTH = 10_000  # characters that one field of a format may ask for
MAX_ELEMENTS = 2**56  # of one tensor whose size is written out: no process has so many addresses
MAX_TURNS = MAX_RANGE  # of all while loops in one call, for the same reason
MAX_COMBINATORIAL = 10_000  # argument of math.factorial, comb and perm
MAX_ROUND_DIGITS = 1_000
MAX_PRINT_BYTES = 64 * 1024  # captured output of one program
