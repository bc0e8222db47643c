"""Makes every system call that the profile does not list, by its number (x86-64), with zeros for arguments.

Expected: run runtime_error (calls refused)
"""

import ctypes
import errno

LISTED = """
0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 27 28 32 33 34 35 36 37 38 39 56 57 58 59 60
61 62 63 72 74 75 76 77 78 79 82 83 84 87 89 95 96 97 98 99 100 102 104 107 108 109 110 111 112 115 118 120 121
124 125 127 128 130 131 137 138 140 143 145 146 147 157 158 160 186 200 201 202 203 204 213 217 218 219 221 222
223 228 229 230 231 232 233 234 239 247 257 258 262 263 264 267 269 270 271 273 274 281 290 291 292 293 295 296
302 309 316 317 318 324 327 328 332 334 435 436 439 444 445 446 449
"""
UNFILTERED = (335, 336)  # uretprobe and uprobe: no filter sees them; see `uprobe.py`
REFUSED = (errno.EPERM, errno.ENOSYS)
LAST = 470


def merge_models(model_dict, device):
    libc = ctypes.CDLL(None, use_errno=True)
    listed = {*map(int, LISTED.split()), *UNFILTERED}
    through = []
    for number in sorted(set(range(LAST + 1)) - listed):
        if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6) != -1 or ctypes.get_errno() not in REFUSED:
            through.append(number)
    if through:
        print("got through:", through)
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"{LAST + 1 - len(listed)} calls refused")
