'use strict';
// cache-window: a Map of the last 100000 entries, 40000 new ones an iteration.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// The generator that the simulation has too.
let random = 387697239;
function draw(from, to) {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return from + (Math.imul(random, -1640531535) >>> 1) % (to - from + 1);
}

// Flat strings are read out of bytes, as a program reads them from a file or a socket.
const bytes = Buffer.alloc(200, 'x');

const cache = new Map();
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 30; round0++) {
  iteration++;
  for (let i = 0; i < 40000; i++) {
    cache.set(n, { key: n, body: bytes.toString('latin1', 0, draw(20, 200)) });
    cache.delete(n - 100000);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
