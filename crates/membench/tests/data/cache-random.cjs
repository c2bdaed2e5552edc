'use strict';
// cache-random: a table of 60000 entries with random replacement, 40000 new ones an iteration.
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
const bytes = Buffer.alloc(400, 'x');

function entry(n) {
  return { key: n, body: bytes.toString('latin1', 0, draw(16, 400)), tags: [n, n + 1] };
}

const cache = new Array(60000);
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 30; round0++) {
  iteration++;
  for (let i = 0; i < 40000; i++) {
    cache[draw(0, 59999)] = entry(n);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
