//! membench: memory workloads, run on gcheap or on a real Node.js, sampled and reported.
//!
//! ```text
//! cli ──▶ settings ──▶ run ──▶ engine (gcheap | node) ──▶ Sink: report, record
//!                       ▲
//!                   workload
//! ```
//!
//! [`cli`] holds the flags as typed, [`settings`] what they mean on this machine, [`workload`] what is done, [`engine`]
//! who does it, [`record`] the facts of a run as JSON lines and [`report`] the same facts for people. [`explain`] reads what
//! V8 printed in some other run, [`calibrate`] measures a Node, [`fidelity`] runs both
//! engines and says how far they are apart. [`run`] puts them together, and [`exit`] is the only place that ends the process.
//!
//! What holds: an engine never prints and never ends the process, it only talks to an [`engine::Sink`]. Everything
//! that a person can get wrong comes back as a value with one sentence in each language ([`text::Text`]).

pub mod calibrate;
pub mod cli;
pub mod engine;
pub mod exit;
pub mod explain;
pub mod fidelity;
pub mod record;
pub mod report;
pub mod run;
pub mod settings;
pub mod text;
pub mod workload;
