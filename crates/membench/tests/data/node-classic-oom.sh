#!/bin/sh
# Node 12 prints a part of its last words on standard output.
if [ "$1" = --version ]; then echo v12.22.12; exit 0; fi
cat <<'OUT'
@membench {"start":{"node":"12.22.12","v8":"7.8.279.23-node.57","heapSizeLimit":83886080}}
@membench {"sample":{"iteration":0,"label":"start","timeMs":20.5,"rss":31457280,"heapTotal":4710400,"heapUsed":2526451,"external":885717,"arrayBuffers":9386}}

<--- Last few GCs --->

[12:0x55d0]      104 ms: Mark-sweep 31.9 (33.3) -> 31.9 (33.3) MB, 14.8 / 0.0 ms  (average mu = 0.200, current mu = 0.100) last resort GC in old space requested


<--- JS stacktrace --->

==== JS stack trace =========================================
OUT
echo 'FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory' >&2
kill -ABRT $$
