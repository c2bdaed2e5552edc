#!/bin/sh
# A Node that does not know a flag.
if [ "$1" = --version ]; then echo v10.24.1; exit 0; fi
echo 'node: bad option: --max-heap-size=512' >&2
exit 9
