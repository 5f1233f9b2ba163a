//! What can be wrong with a data file, and where: file, line, column, and a `help:` line.

use std::fmt;

/// One fault in one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Path of the file as the reader was given it.
    pub file: String,
    /// First line of the fault, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Column on that line, from 1; 0 when the line as a whole is meant.
    pub column: usize,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What to write instead, where it is known.
    pub help: Option<String>,
}

impl Problem {
    /// A fault of a file as a whole.
    #[must_use]
    pub fn of_file(file: &str, what: String) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, what, help: None }
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.what)?;
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

/// What is wrong with a value; where it stands is for whoever reads the file to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// As [`Problem::what`].
    pub what: String,
    /// As [`Problem::help`].
    pub help: Option<String>,
}

impl Wrong {
    /// With what to write instead.
    #[must_use]
    pub fn new(what: String, help: String) -> Self {
        Self { what, help: Some(help) }
    }
}

/// All faults found while loading; the list is never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CatalogueError {
    /// The faults in file order.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl CatalogueError {
    /// Nothing was found, or everything that was.
    ///
    /// # Errors
    /// The problems, where there are any.
    pub fn of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for CatalogueError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}
