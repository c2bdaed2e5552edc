'use strict';
// churn: 100000 short-lived requests an iteration, none kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// What nothing keeps is stored here all the same: the optimizer would not allocate it otherwise.
const sink = { last: null };

let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  for (let i = 0; i < 100000; i++) {
    sink.last = { id: n, path: '/users/' + n, headers: { accept: 'v' + n, age: n }, parts: [n, n + 1, n + 2, n + 3] };
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
