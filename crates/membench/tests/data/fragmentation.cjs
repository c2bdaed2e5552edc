'use strict';
// fragmentation: 30000 documents an iteration, one in 16 outlives it.
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
const bytes = Buffer.alloc(300, 'x');

function document(n) {
  return { id: n, title: 'document' + n, body: bytes.toString('latin1', 0, draw(30, 300)) };
}

let working = [];
const survivors = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  for (let i = 0; i < 30000; i++) {
    working.push(document(n));
    n++;
  }
  for (let i = 0; i < 30000; i++) {
    const thing = document(n);
    if (n % 16 === 0) survivors.push(thing);
    n++;
  }
  sample(iteration, 'iteration');
  working = [];
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
