'use strict';
// record-leak: 20000 orders an iteration, instances of a class with doubles and nested objects, none ever dropped.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

function address(n) {
  return { street: 'street' + n, zip: n };
}

function item(n) {
  return { sku: n, price: n + 0.5 };
}

class Order {
  constructor(n) {
    this.id = n;
    this.total = n + 0.25;
    this.address = address(n);
    this.items = [item(n), item(n)];
    this.note = null;
  }
}

function order(n) {
  return new Order(n);
}

const orders = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (;;) {
  iteration++;
  for (let i = 0; i < 20000; i++) {
    orders.push(order(n));
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
