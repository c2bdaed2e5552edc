'use strict';
// slices: 500 ids an iteration, each cut from a document of 10000 characters and kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// Flat strings are read out of bytes, as a program reads them from a file or a socket.
const bytes = Buffer.alloc(10000, 'x');

const ids = [];
let iteration = 0;

sample(iteration, 'start');
for (;;) {
  iteration++;
  for (let i = 0; i < 500; i++) {
    ids.push(bytes.toString('latin1', 0, 10000).substring(1, 21));
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
