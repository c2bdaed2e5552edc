#!/bin/sh
# A Node on a machine without room for the second Buffer.
if [ "$1" = --version ]; then echo v22.23.3; exit 0; fi
cat <<'OUT'
@membench {"start":{"node":"22.23.3","v8":"12.4.254.21-node.57","heapSizeLimit":1}}
@membench {"sample":{"iteration":1,"label":"iteration","timeMs":75.5,"rss":177531709,"heapTotal":5559357,"heapUsed":3972590,"external":122897923,"arrayBuffers":104136314}}
@membench {"stopped":{"iteration":2,"needed":104857600,"available":73400320}}
OUT
exit 1
