'use strict';
// buffer-pool: 20000 pooled Buffers an iteration, one in 100 kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// Ends the program before it would drive the machine into swapping.
function needMemory(iteration, bytes) {
  const available = process.availableMemory ? process.availableMemory() : require('os').freemem();
  if (bytes + 67108864 <= available) return;
  fs.writeSync(1, `@membench {"stopped":{"iteration":${iteration},"needed":${bytes},"available":${available}}}\n`);
  process.exit(1);
}

// The generator that the simulation has too.
let random = 387697239;
function draw(from, to) {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return from + (Math.imul(random, -1640531535) >>> 1) % (to - from + 1);
}

const messages = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  needMemory(iteration, 20000000);
  for (let i = 0; i < 20000; i++) {
    const thing = Buffer.allocUnsafe(draw(100, 1000));
    if (n % 100 === 0) messages.push(thing);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
