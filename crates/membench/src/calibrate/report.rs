//! A calibration for people and for programs.

use std::fmt::Write;

use serde_json::json;

use super::Calibration;
use crate::report::text::{pad_left, pad_right, width};
use crate::text::{Lang, Text};

/// A line a price: what was fitted, from how many observations, how far off they are, and what the reference says.
pub fn text(lang: Lang, calibration: &Calibration) -> String {
    let measured = &calibration.file.measured;
    let head = Text::new(
        format!("Node {} on {}, {} collections", measured.node, measured.machine, measured.collections),
        format!("Node {},{},共 {} 次回收", measured.node, measured.machine, measured.collections),
    );
    let columns = [
        Text::new("price", "价格"),
        Text::new("fitted", "拟合值"),
        Text::new("from", "样本数"),
        Text::new("residual", "残差"),
        Text::new("reference", "参考值"),
    ];
    let kept = Text::new("too few: kept", "样本不足:保留");
    let mut rows = vec![columns.each_ref().map(|column| column.get(lang).to_owned())];
    for price in &calibration.prices {
        let (value, samples, residual) = match price.fitted {
            Some(fitted) => (
                format!("{:.3}", fitted.value),
                fitted.samples.to_string(),
                format!("{:.0} %", 100.0 * fitted.residual),
            ),
            None => (kept.get(lang).to_owned(), "0".to_owned(), String::new()),
        };
        rows.push([price.name.to_owned(), value, samples, residual, format!("{:.3}", price.reference)]);
    }
    let widths: Vec<usize> =
        (0..columns.len()).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
    let mut text = format!("{}\n", head.get(lang));
    for row in &rows {
        let mut line = pad_right(&row[0], widths[0]);
        for (cell, &width) in row.iter().zip(&widths).skip(1) {
            line.push_str("  ");
            line.push_str(&pad_left(cell, width));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let worst =
        calibration.prices.iter().filter_map(|price| price.fitted).map(|fitted| fitted.residual).fold(0.0, f64::max);
    if worst > BUSY {
        let busy = Text::new(
            "The pauses of like collections differ much: the machine was busy. Measure again when it is quiet.",
            "相似回收的停顿差别很大:测量时机器繁忙,请在空闲时重新测量。",
        );
        let _ = writeln!(text, "{}", busy.get(lang));
    }
    text
}

/// A residual above this says more about other processes than about this Node.
const BUSY: f64 = 0.5;

/// The same as one object; `fitted` is null where the reference was kept.
pub fn json(calibration: &Calibration) -> serde_json::Value {
    let measured = &calibration.file.measured;
    let prices: Vec<_> = calibration
        .prices
        .iter()
        .map(|price| {
            json!({
                "name": price.name,
                "fitted": price.fitted.map(|fitted| fitted.value),
                "samples": price.fitted.map_or(0, |fitted| fitted.samples),
                "residual": price.fitted.map(|fitted| fitted.residual),
                "reference": price.reference,
            })
        })
        .collect();
    json!({
        "type": "calibration",
        "node": measured.node,
        "machine": measured.machine,
        "collections": measured.collections,
        "prices": prices,
        "cost": calibration.file.cost,
    })
}
