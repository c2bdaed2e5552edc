'use strict';
// doubles: 2000 series of 200 doubles an iteration, the last 10000 kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

function doubles1(n) {
  const array = [];
  for (let i = 0; i < 200; i++) {
    array.push(n + 0.5);
  }
  return array;
}

const series = new Array(10000);
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 25; round0++) {
  iteration++;
  for (let i = 0; i < 2000; i++) {
    series[n % 10000] = { name: 'cpu' + n, points: doubles1(n) };
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
