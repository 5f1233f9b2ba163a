//! Words that a case chooses from, and what each stands for. A list stands once, where its words are used; it is asked
//! when cases are loaded, by [`crate::named`], and when a cell is carried out.

/// The words of one key.
#[derive(Debug)]
pub(crate) struct Words<T: 'static> {
    /// The key, as a case writes it.
    pub(crate) key: &'static str,
    /// Each word with what it stands for.
    pub(crate) known: &'static [(&'static str, T)],
}

impl<T: Copy> Words<T> {
    /// What a word stands for.
    ///
    /// # Errors
    /// In words: there is no such word.
    pub(crate) fn meaning(&self, word: &str) -> Result<T, String> {
        let found = self.known.iter().find(|(known, _)| *known == word);
        found
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| format!("got {} {word:?}, expected one of {}", self.key, self.all().join(", ")))
    }

    /// What a step's choice stands for; none where it leaves the choice.
    ///
    /// # Errors
    /// As [`Words::meaning`].
    pub(crate) fn choice(&self, word: Option<&str>) -> Result<Option<T>, String> {
        word.map(|word| self.meaning(word)).transpose()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<String> {
        self.known.iter().map(|(word, _)| (*word).to_owned()).collect()
    }
}
