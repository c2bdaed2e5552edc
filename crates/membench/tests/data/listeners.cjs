'use strict';
// listeners: 20000 listeners an iteration, each captures a request, none ever removed.
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

function request(n) {
  return { id: n, url: '/item/' + n, body: bytes.toString('latin1', 0, 64) };
}

function closure1(c0, c1) {
  return () => [c0, c1];
}

const handlers = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (;;) {
  iteration++;
  for (let i = 0; i < 20000; i++) {
    handlers.push(closure1(request(n), n));
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
