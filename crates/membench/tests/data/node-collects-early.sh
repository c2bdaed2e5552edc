#!/bin/sh
# A Node that collects before the program begins, as Node 10 and 12 do in small heaps.
if [ "$1" = --version ]; then echo v12.22.12; exit 0; fi
cat <<'OUT'
[8:0x2e1ad00]       19 ms: Scavenge 2.1 (3.0) -> 1.9 (3.8) MB, 0.6 / 0.0 ms  (average mu = 1.000, current mu = 1.000) allocation failure 
@membench {"start":{"node":"12.22.12","v8":"7.8.279.23-node.57"}}
@membench {"sample":{"iteration":0,"label":"start","timeMs":20.5,"rss":31457280,"heapTotal":4710400,"heapUsed":2526451,"external":885717,"arrayBuffers":9386}}
@membench {"end":{"timeMs":25.5}}
OUT
