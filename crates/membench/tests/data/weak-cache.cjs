'use strict';
// weak-cache: 5000 objects an iteration with weak references and weakly attached data, the last 4000 kept strongly.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// Flat strings are read out of bytes, as a program reads them from a file or a socket.
const bytes = Buffer.alloc(128, 'x');

const weakMap = new WeakMap();
function weakKey(key, value) {
  weakMap.set(key, value);
  return key;
}

async function main() {
  const nodes = new Array(4000);
  const references = new Array(10000);
  let n = 0;
  let iteration = 0;

  sample(iteration, 'start');
  for (let round1 = 0; round1 < 15; round1++) {
    iteration++;
    for (let round2 = 0; round2 < 5; round2++) {
      for (let i = 0; i < 1000; i++) {
        nodes[n % 4000] = weakKey({ id: n }, { parent: n, size: n + 1 });
        n++;
      }
      for (let i = 0; i < 1000; i++) {
        references[n % 10000] = new WeakRef({ id: n, body: bytes.toString('latin1', 0, 100) });
        n++;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    sample(iteration, 'iteration');
  }

  fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
}

main();
