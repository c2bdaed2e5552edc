'use strict';
// compare: 5 iterations of 50000 records and one filled 20 MB Buffer, then everything is dropped.
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

let records = [];
let buffers = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 5; round0++) {
  iteration++;
  for (let i = 0; i < 50000; i++) {
    records.push({ id: n, name: 'item' + n });
    n++;
  }
  needMemory(iteration, 20971520);
  buffers.push(Buffer.alloc(20971520, 1));
  sample(iteration, 'iteration');
}
records = null;
buffers = null;
sample(iteration, 'cleared');
if (typeof gc === 'function') {
  gc();
  sample(iteration, 'after gc');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
