'use strict';
// strings: 500 pages an iteration put together from parts, half of them read, the last 2000 kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// The generator that the simulation has too.
let random = 387697239;
function draw(from, to) {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return from + (Math.imul(random, -1640531535) >>> 1) % (to - from + 1);
}

// Flat strings are read out of bytes, as a program reads them from a file or a socket.
const bytes = Buffer.alloc(128, 'x');
const wideBytes = Buffer.alloc(128, '\u4e2d', 'utf16le');

// Reading a character makes a string flat.
let characters = 0;
function flatten(string) {
  characters = (characters + string.charCodeAt(0)) & 0xffff;
  return string;
}

function concat1() {
  let text = '';
  for (let i = 0; i < 40; i++) {
    text += bytes.toString('latin1', 0, draw(20, 120));
  }
  return text;
}

function concat2() {
  let text = '';
  for (let i = 0; i < 20; i++) {
    text += wideBytes.toString('utf16le', 0, 2 * draw(20, 60));
  }
  return flatten(text);
}

const pages = new Array(2000);
const printed = new Array(2000);
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 25; round0++) {
  iteration++;
  for (let i = 0; i < 500; i++) {
    pages[n % 2000] = concat1();
    n++;
  }
  for (let i = 0; i < 500; i++) {
    printed[n % 2000] = concat2();
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
