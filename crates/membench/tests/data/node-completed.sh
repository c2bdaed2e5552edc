#!/bin/sh
# A Node that does the compare scenario to its end.
if [ "$1" = --version ]; then echo v22.23.3; exit 0; fi
cat <<'OUT'
@membench {"start":{"node":"22.23.3","v8":"12.4.254.21-node.57","heapSizeLimit":1}}
@membench {"sample":{"iteration":0,"label":"start","timeMs":31.102,"rss":46227456,"heapTotal":6070272,"heapUsed":4670216,"external":1900316,"arrayBuffers":137679}}
@membench {"sample":{"iteration":1,"label":"iteration","timeMs":75.5,"rss":77531709,"heapTotal":29559357,"heapUsed":17972590,"external":22897923,"arrayBuffers":20136314}}
@membench {"sample":{"iteration":1,"label":"cleared","timeMs":76.5,"rss":77531709,"heapTotal":29559357,"heapUsed":17972590,"external":22897923,"arrayBuffers":20136314}}
@membench {"sample":{"iteration":1,"label":"after gc","timeMs":78.5,"rss":57531709,"heapTotal":9559357,"heapUsed":4572590,"external":1897923,"arrayBuffers":136314}}
@membench {"end":{"timeMs":80.25}}
OUT
