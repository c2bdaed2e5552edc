//! A cost model as a file: TOML, with where it was measured.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use gcheap::time::CostModel;
use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::text::Text;
use crate::workload::Mistake;

/// A cost model and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostFile {
    /// Where it was measured.
    #[serde(default)]
    pub measured: Measured,
    /// The prices; those that are not given are the reference's.
    pub cost: CostModel,
}

/// Where a cost model was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measured {
    /// Version of Node.
    pub node: String,
    /// Processors and memory.
    pub machine: String,
    /// Collections that were looked at.
    pub collections: u64,
}

impl CostFile {
    /// The file as text. Reading it gives the same model.
    ///
    /// ```
    /// use membench::calibrate::{CostFile, Measured};
    /// let file = CostFile { measured: Measured::default(), cost: gcheap::time::CostModel::REFERENCE };
    /// assert_eq!(CostFile::parse("costs.toml", &file.to_toml()).unwrap(), file);
    /// ```
    pub fn to_toml(&self) -> String {
        let measured = &self.measured;
        let mut text =
            String::from("# What work costs in virtual time. Times in ms or ns as the names say.\n\n[measured]\n");
        let _ = writeln!(text, "node = {:?}\nmachine = {:?}", measured.node, measured.machine);
        let _ = writeln!(text, "collections = {}\n\n[cost]", measured.collections);
        if let Ok(serde_json::Value::Object(prices)) = serde_json::to_value(self.cost) {
            for (name, price) in prices {
                // `{:?}` of a float always has a point or an exponent, which TOML asks of a float.
                let _ = writeln!(text, "{name} = {:?}", price.as_f64().unwrap_or(0.0));
            }
        }
        text
    }

    /// Reads the text of the file `name`.
    ///
    /// # Errors
    ///
    /// No TOML, an unknown name, or a price that is none; with the line.
    pub fn parse(name: &str, text: &str) -> Result<CostFile, Text> {
        let file: CostFile = toml::from_str(text).map_err(|error| Mistake::from(error).sentence(name, text))?;
        if let Ok(serde_json::Value::Object(prices)) = serde_json::to_value(file.cost) {
            // Not-a-number and infinity have no JSON, so they come out as null.
            if let Some((price, _)) = prices.iter().find(|(_, value)| value.as_f64().is_none_or(|value| value < 0.0)) {
                let start = text.find(price.as_str()).unwrap_or_default();
                let (en, zh) = (format!("{price} is a number from 0 up"), format!("{price} 须为不小于 0 的数"));
                return Err(Mistake::new(start..start + price.len(), en, zh).sentence(name, text));
            }
        }
        Ok(file)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or [`CostFile::parse`] refuses it.
    pub fn read(path: &Path) -> Result<CostFile, Text> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| {
            Text::new(
                format!("the cost model {name} cannot be read: {error}"),
                format!("无法读取成本模型 {name}:{error}"),
            )
        })?;
        CostFile::parse(&name, &text)
    }
}

/// Processors and memory of this machine.
pub(super) fn this_machine() -> String {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|brand| !brand.is_empty());
    let memory = crate::settings::machine::memory().bytes >> 20;
    format!("{} x {}, {memory} MiB", system.cpus().len(), brand.as_deref().unwrap_or(std::env::consts::ARCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_refused_with_their_name() {
        for (text, named) in [
            ("", "f.toml:1:1: the key \"cost\" is missing"),
            ("[cost]\nscavenge_base = 1.0", "f.toml:2:1: there is no key \"scavenge_base\" here: known are "),
            ("[cost]\nscavenge_base_ms = -1.0", "f.toml:2:1: scavenge_base_ms is a number from 0 up"),
            ("[cost]\nscavenge_base_ms = nan", "f.toml:2:1: scavenge_base_ms is a number from 0 up"),
            ("[cost]\nscavenge_base_ms = \"a\"", "f.toml:2:20: expected a number, found string \"a\""),
            ("[prices]", "f.toml:1:2: there is no key \"prices\" here: known are measured, cost"),
            ("[cost", "f.toml:1:6: this is not TOML: "),
        ] {
            let error = CostFile::parse("f.toml", text).expect_err(text).to_string();
            assert!(error.starts_with(named) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_a_file_leaves_out_is_the_references() {
        let file = CostFile::parse("f.toml", "[cost]\nmutator_ns_per_byte = 2.5").expect("a model");
        assert_eq!(file.cost, CostModel { mutator_ns_per_byte: 2.5, ..CostModel::REFERENCE });
    }
}
