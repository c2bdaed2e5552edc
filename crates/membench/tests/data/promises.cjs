'use strict';
// promises: 20000 tasks an iteration, each with a resolved promise; one in 4 waits for ever.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

function task(n) {
  return { id: n, ready: Promise.resolve(n), done: new Promise(() => {}) };
}

const waiting = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 40; round0++) {
  iteration++;
  for (let i = 0; i < 20000; i++) {
    const thing = task(n);
    if (n % 4 === 0) waiting.push(thing);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
