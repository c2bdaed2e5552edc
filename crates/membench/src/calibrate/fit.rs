//! Robust fits: a line by the median of slopes (Theil and Sen), a ratio by the median of ratios. A collection that the machine
//! interrupted is far off and moves neither. Pure.

/// A fitted number and how well it describes what it was fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The number.
    pub value: f64,
    /// Observations.
    pub samples: usize,
    /// Median over the observations of |predicted - observed| / observed.
    pub residual: f64,
}

impl Fitted {
    /// Nanoseconds as milliseconds.
    #[must_use]
    pub fn in_ms(self) -> Fitted {
        Fitted { value: self.value / 1e6, ..self }
    }
}

/// Fewest observations that are worth a fit.
const FEWEST: usize = 5;

/// Intercept and slope of y over x, neither below 0; `None` for too few points, or points at one x.
///
/// ```
/// use membench::calibrate::fit::line;
/// let mut points: Vec<(f64, f64)> = (1..20).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x))).collect();
/// points[7].1 = 1e9; // the machine was busy
/// let (base, slope) = line(&points).unwrap();
/// assert_eq!((base.value, slope.value, slope.samples, slope.residual), (3.0, 2.0, 19, 0.0));
/// ```
pub fn line(points: &[(f64, f64)]) -> Option<(Fitted, Fitted)> {
    if points.len() < FEWEST {
        return None;
    }
    let mut slopes = Vec::new();
    for (index, one) in points.iter().enumerate() {
        for two in &points[index + 1..] {
            let run = two.0 - one.0;
            if run != 0.0 {
                slopes.push((two.1 - one.1) / run);
            }
        }
    }
    let slope = median(&mut slopes)?.max(0.0);
    let base = median(&mut points.iter().map(|(x, y)| y - slope * x).collect::<Vec<_>>())?.max(0.0);
    let residual = residual(points, |x| base + slope * x);
    let fitted = |value| Fitted { value, samples: points.len(), residual };
    Some((fitted(base), fitted(slope)))
}

/// y for each x; `None` for too few points with an x above 0.
///
/// ```
/// use membench::calibrate::fit::ratio;
/// let price = ratio(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0), (4.0, 8.0), (5.0, 1e9)]).unwrap();
/// assert_eq!((price.value, price.samples), (2.0, 5));
/// assert_eq!(ratio(&[(1.0, 2.0)]), None);
/// ```
pub fn ratio(points: &[(f64, f64)]) -> Option<Fitted> {
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|point| point.0 > 0.0).collect();
    if points.len() < FEWEST {
        return None;
    }
    let value = median(&mut points.iter().map(|(x, y)| y / x).collect::<Vec<_>>())?;
    Some(Fitted { value, samples: points.len(), residual: residual(&points, |x| value * x) })
}

fn residual(points: &[(f64, f64)], predicted: impl Fn(f64) -> f64) -> f64 {
    let off = points.iter().filter(|point| point.1 != 0.0).map(|&(x, y)| ((predicted(x) - y) / y).abs());
    median(&mut off.collect::<Vec<_>>()).unwrap_or(0.0)
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_never_negative() {
        let falling: Vec<(f64, f64)> = (0..9).map(|x| (f64::from(x), 9.0 - f64::from(x))).collect();
        let (base, slope) = line(&falling).expect("enough points");
        assert_eq!((base.value, slope.value), (5.0, 0.0));
    }

    #[test]
    fn points_at_one_place_give_no_line() {
        assert_eq!(line(&[(1.0, 2.0); 9]), None);
    }
}
