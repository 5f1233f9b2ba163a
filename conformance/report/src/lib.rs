//! One run, many readers: terminal, run.json, JUnit, HTML.
