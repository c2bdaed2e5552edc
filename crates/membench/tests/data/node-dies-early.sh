#!/bin/sh
# A Node that runs out of memory before the program begins: what a real one (24.21.0, --max-old-space-size=1) printed, played back.
if [ "$1" = --version ]; then echo v24.21.0; exit 0; fi
cat <<'OUT'
[8:0x2e1ad000]        9 ms: Mark-Compact 1.1 (2.4) -> 1.0 (2.6) MB, pooled: 0 MB, 1.20 / 0.00 ms  (average mu = 0.130, current mu = 0.130) allocation failure; GC in old space requested
OUT
cat >&2 <<'ERR'

<--- Last few GCs --->



#
# Fatal JavaScript out of memory: GC during deserialization
#
----- Native stack trace -----

ERR
kill -TRAP $$
