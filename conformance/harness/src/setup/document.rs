//! The documents that cases carry: messages of packs, and the sample that `subject.toml` names.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::{Setup, SetupError, SubjectFiles};

/// A document with what is agreed about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Media type.
    pub mime: String,
    /// Service, type, action.
    pub service: String,
    /// Type of the service.
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// Pack and message type, when it is a pack's.
    pub message_type: Option<(String, String)>,
}

impl Setup {
    /// A message of a pack as the agreement has it.
    ///
    /// # Errors
    /// In words: there is no such pack or message, or a fact cannot be set.
    pub fn pack_message(&self, pack: &str, message: &str, set: &BTreeMap<String, String>) -> Result<Document, String> {
        let found = self.packs.pack(pack).ok_or_else(|| format!("there is no pack {pack:?}"))?;
        let entry = found.message(message).map_err(|error| error.to_string())?;
        let entry = entry.ok_or_else(|| format!("pack {pack} has no message {message:?}"))?;
        let kind =
            found.message_type(&entry.message_type).ok_or_else(|| format!("{message} is of no type of its pack"))?;
        let mut bytes = entry.bytes().map_err(|error| error.to_string())?.into_owned();
        for (fact, value) in set {
            bytes =
                carnet_fixtures::facts::set(kind, &bytes, fact, value).map_err(|error| format!("{fact}: {error}"))?;
        }
        let own = self.subject.service.iter().find(|service| service.pack == pack);
        Ok(Document {
            bytes,
            mime: "application/xml".to_owned(),
            service: own.and_then(|own| own.service.clone()).unwrap_or_else(|| kind.service.clone()),
            service_type: own.and_then(|own| own.service_type.clone()),
            action: own.and_then(|own| own.actions.get(&kind.name).cloned()).unwrap_or_else(|| kind.action.clone()),
            message_type: Some((pack.to_owned(), kind.name.clone())),
        })
    }

    /// The sample with the given facts set where it is a pack's message and has them.
    ///
    /// # Errors
    /// In words: there is no sample.
    pub fn sample(&self, set: &BTreeMap<String, String>) -> Result<Document, String> {
        let Some(kept) = &self.kept else { return self.sample_with(set) };
        let samples = || kept.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = samples().get(set) {
            return Ok(known.clone());
        }
        let sample = self.sample_with(set)?;
        samples().insert(set.clone(), sample.clone());
        Ok(sample)
    }

    fn sample_with(&self, set: &BTreeMap<String, String>) -> Result<Document, String> {
        let mut sample = self.sample.clone().ok_or_else(|| "subject.toml has no [sample]".to_owned())?;
        if let Some((pack, kind)) = &sample.message_type
            && let Some(kind) = self.packs.message_type(pack, kind)
        {
            for (fact, value) in set {
                if kind.fact(fact).is_some() {
                    sample.bytes = carnet_fixtures::facts::set(kind, &sample.bytes, fact, value)
                        .map_err(|e| format!("{fact}: {e}"))?;
                }
            }
        }
        Ok(sample)
    }

    /// Reads the sample that the subject file names.
    pub(super) fn read_sample(&self, files: &SubjectFiles) -> Result<Option<Document>, SetupError> {
        let Some(sample) = &self.subject.sample else { return Ok(None) };
        let mut document = match (&sample.file, &sample.pack, &sample.message) {
            (Some(file), None, None) => {
                let bytes = files.bytes(file, "name a document of your own under [sample], or a pack and a message")?;
                let (service, action) = sample.service.clone().zip(sample.action.clone()).ok_or_else(|| {
                    files
                        .wrong("[sample]", "[sample] has a file but no service and action".to_owned())
                        .with_help("write the service and action it goes under")
                })?;
                Document { bytes, mime: sample.mime.clone(), service, service_type: None, action, message_type: None }
            }
            (None, Some(pack), Some(message)) => {
                self.pack_message(pack, message, &BTreeMap::new()).map_err(|what| {
                    let problem = files.wrong("[sample]", what);
                    match self.nearest_message(pack, message) {
                        Some(near) => problem.with_help(format!("did you mean {near:?}?")),
                        None => problem.with_help("docs/pack-declaration.md names the packs' messages"),
                    }
                })?
            }
            _ => {
                return Err(files
                    .wrong("[sample]", "[sample] needs either file, or pack and message".to_owned())
                    .with_help("write `pack = \"declaration\"` and `message = \"valid/export-sea\"`")
                    .into());
            }
        };
        document.service = sample.service.clone().unwrap_or(document.service);
        document.action = sample.action.clone().unwrap_or(document.action);
        document.service_type = sample.service_type.clone().or(document.service_type);
        Ok(Some(document))
    }

    fn nearest_message(&self, pack: &str, message: &str) -> Option<String> {
        let messages = self.packs.pack(pack)?.messages().ok()?;
        let names: Vec<String> = messages.iter().map(|entry| entry.path.clone()).collect();
        carnet_catalogue::read::nearest(message, names.iter().map(String::as_str)).map(str::to_owned)
    }
}
