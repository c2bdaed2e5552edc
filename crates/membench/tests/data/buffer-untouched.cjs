'use strict';
// buffer-untouched: 40 Buffers of 1 MB an iteration, kept and never written.
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

const buffers = [];
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 10; round0++) {
  iteration++;
  needMemory(iteration, 41943040);
  for (let i = 0; i < 40; i++) {
    buffers.push(Buffer.alloc(1048576));
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
