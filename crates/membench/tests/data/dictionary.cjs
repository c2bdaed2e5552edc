'use strict';
// dictionary: 20000 objects an iteration grown from empty ones to 20 properties, the last 50000 kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

function grown1(n) {
  const object = {};
  object.p0 = n;
  object.p1 = n + 1;
  object.p2 = n + 2;
  object.p3 = n + 3;
  object.p4 = n + 4;
  object.p5 = n + 5;
  object.p6 = n + 6;
  object.p7 = n + 7;
  object.p8 = n + 8;
  object.p9 = n + 9;
  object.p10 = n + 10;
  object.p11 = n + 11;
  object.p12 = n + 12;
  object.p13 = n + 13;
  object.p14 = n + 14;
  object.p15 = n + 15;
  object.p16 = n + 16;
  object.p17 = n + 17;
  object.p18 = n + 18;
  object.p19 = n + 19;
  return object;
}

const options = new Array(50000);
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  for (let i = 0; i < 20000; i++) {
    options[n % 50000] = grown1(n);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
