//! The programs that a calibration runs. Their names are globals, so that only globals hold what they keep.

/// Keeps every object for some rounds, then drops all: scavenges with many survivors, full collections after concurrent marking.
pub(super) const KEEP: &str = "
    let keep = [];
    function fill(count) { for (let i = 0; i < count; i++) keep.push({ a: i, b: [i] }); }
    for (let round = 0; round < 96; round++) {
        if (round % 16 === 15) keep = [];
        fill(20000);
    }
";

/// Keeps hardly anything: scavenges with few survivors, and the speed of a program that allocates.
pub(super) const CHURN: &str = "
    const window = new Array(1024);
    function churn(count) { for (let i = 0; i < count; i++) window[i & 1023] = { id: i, name: 'item' + i, data: [i, i + 1, i + 2] }; }
    for (let round = 0; round < 60; round++) churn(100000);
";

/// Full collections on request at growing sizes.
pub(super) const LIVE: &str = "
    const live = [];
    function grow(count) { for (let i = 0; i < count; i++) live.push({ a: i, b: [i] }); }
    for (let size = 0; size < 8; size++) { grow(60000); gc(); gc(); gc(); }
";

/// Fills fresh backing stores: a line each, bytes and nanoseconds.
pub(super) const FILL: &str = "
    const kept = [];
    for (let round = 0; round < 9; round++) {
        const buffer = Buffer.allocUnsafe(16 << 20);
        const start = process.hrtime();
        buffer.fill(1);
        const took = process.hrtime(start);
        console.log(buffer.length + ' ' + (took[0] * 1e9 + took[1]));
        kept.push(buffer);
    }
";
