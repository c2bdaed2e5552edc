#!/bin/sh
# A Node that runs out of memory: what a real one (24.21.0, --max-old-space-size=32) printed, played back.
if [ "$1" = --version ]; then echo v24.21.0; exit 0; fi
echo "$@" > "$0.flags"
cat <<'OUT'
@membench {"start":{"node":"24.21.0","v8":"13.6.233.17-node.53","heapSizeLimit":234881024}}
@membench {"sample":{"iteration":0,"label":"start","timeMs":31.102,"rss":46227456,"heapTotal":6070272,"heapUsed":4670216,"external":1900316,"arrayBuffers":137679}}
[12:0x1b31c000]       42 ms: Scavenge 5.0 (6.0) -> 4.7 (7.0) MB, pooled: 0 MB, 1.86 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; 
@membench {"sample":{"iteration":1,"label":"iteration","timeMs":75.5,"rss":77531709,"heapTotal":29559357,"heapUsed":17972590,"external":1897923,"arrayBuffers":136314}}
[12:0x1b31c000]      104 ms: Mark-Compact 20.3 (48.8) -> 18.5 (51.9) MB, pooled: 0 MB, 12.00 / 0.00 ms  (+ 4.6 ms in 20 steps since start of marking, biggest step 4.1 ms, walltime since start of marking 18 ms) (average mu = 0.834, current mu = 0.834) finalize incremental marking via stack guard; GC in old space requested
OUT
cat >&2 <<'ERR'

<--- Last few GCs --->

[12:0x1b31c000]      104 ms: Mark-Compact 20.3 (48.8) -> 18.5 (51.9) MB, pooled: 0 MB, 12.00 / 0.00 ms  (+ 4.6 ms in 20 steps since start of marking, biggest step 4.1 ms, walltime since start of marking 18 ms) (average mu = 0.834, current mu = 0.834) final
FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

ERR
kill -ABRT $$
