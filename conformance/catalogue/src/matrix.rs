//! `[matrix]`: each combination of axis values is a cell of the case.

use std::collections::BTreeMap;

use crate::case::Case;
use crate::variable;

/// One combination; empty for a case without matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cell {
    /// Value by axis.
    pub values: BTreeMap<String, String>,
}

impl Cell {
    /// `tls=1.2,token=x509-v3`, axes in order; `-` for a case without matrix.
    #[must_use]
    pub fn name(&self) -> String {
        if self.values.is_empty() {
            return "-".to_owned();
        }
        let pairs: Vec<String> = self.values.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        pairs.join(",")
    }

    /// The cell that a name spells.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let values = name
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(axis, value)| (axis.to_owned(), value.to_owned()))
            .collect();
        Self { values }
    }

    /// What a text of a case reads in this cell; none when it holds more than values of axes.
    #[must_use]
    pub fn fill(&self, text: &str) -> Option<String> {
        variable::fill(text, |name| self.values.get(name.strip_prefix("matrix.")?).cloned()).ok()
    }
}

/// How people call a cell of a case: `case`, or `case [cell]` where it has a matrix.
#[must_use]
pub fn full_name(case: &str, cell: &str) -> String {
    if cell == "-" { case.to_owned() } else { format!("{case} [{cell}]") }
}

/// All cells of a case, in the order of the axes' names and values; one empty cell without a matrix.
#[must_use]
pub fn cells(case: &Case) -> Vec<Cell> {
    let mut cells = vec![Cell::default()];
    for (axis, values) in &case.matrix {
        cells = cells
            .into_iter()
            .flat_map(|cell| {
                values.iter().map(move |value| {
                    let mut next = cell.clone();
                    next.values.insert(axis.clone(), value.clone());
                    next
                })
            })
            .collect();
    }
    cells
}

/// Whether what a control shows in one of its cells is about a cell that rests on it: on no axis of both is that cell at
/// another of the control's values.
#[must_use]
pub fn stands_for(control: &Case, shown: &Cell, rests: &Cell) -> bool {
    shown.values.iter().all(|(axis, value)| {
        let other = rests.values.get(axis).filter(|other| *other != value);
        other.is_none_or(|other| !control.matrix.get(axis).is_some_and(|values| values.contains(other)))
    })
}

/// What a text of a case reads in each of its cells; a cell in which it holds more than values of axes is left out.
#[must_use]
pub fn filled(case: &Case, text: &str) -> Vec<String> {
    cells(case).iter().filter_map(|cell| cell.fill(text)).collect()
}
