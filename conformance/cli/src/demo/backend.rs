//! The back-end API of a node, as the application behind it uses it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use carnet_harness::plain;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::failure::Failure;

const ANSWER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// One node's API with its token.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    address: String,
    token: String,
}

/// What a submission answers.
#[derive(Debug, Deserialize)]
pub(crate) struct Submitted {
    /// Key of the message at this node.
    pub(crate) key: i64,
    /// Its MessageId.
    pub(crate) message_id: String,
    /// Its ConversationId.
    pub(crate) conversation: String,
}

/// A message as the API lists it.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    /// Key of the message at this node.
    pub(crate) key: i64,
    /// Its MessageId.
    pub(crate) message_id: String,
    /// Its ConversationId.
    pub(crate) conversation: String,
    /// Its Action.
    pub(crate) action: String,
    /// Where it stands.
    pub(crate) state: String,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Listed>,
}

impl Backend {
    /// The API at `address`, with the token in that file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn new(address: &str, token: &Path) -> Result<Self, Failure> {
        let token = fs::read_to_string(token).map_err(|error| Failure::file("read", token, &error))?;
        Ok(Self { address: address.to_owned(), token: token.trim().to_owned() })
    }

    /// Submits an XML document to a party.
    ///
    /// # Errors
    /// When the node refuses it, with its problem document.
    pub(crate) async fn submit(&self, to: &str, document: &[u8]) -> Result<Submitted, Failure> {
        self.json("POST", &format!("/v1/messages?to={to}"), document).await
    }

    /// The newest messages of a direction.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(crate) async fn messages(&self, direction: &str) -> Result<Vec<Listed>, Failure> {
        let page: Page = self.json("GET", &format!("/v1/messages?direction={direction}&limit=100"), &[]).await?;
        Ok(page.items)
    }

    /// Asks again and again until a message of that direction fits.
    ///
    /// # Errors
    /// When none does in time.
    pub(crate) async fn wait_for(
        &self,
        what: &str,
        direction: &str,
        within: Duration,
        fits: impl Fn(&Listed) -> bool,
    ) -> Result<Listed, Failure> {
        let end = Instant::now() + within;
        loop {
            if let Some(found) = self.messages(direction).await?.into_iter().find(&fits) {
                return Ok(found);
            }
            if Instant::now() > end {
                return Err(Failure::ours(format_args!("{what} did not come within {within:?}")));
            }
            sleep(PAUSE).await;
        }
    }

    /// The first payload of a message, as its producer gave it.
    ///
    /// # Errors
    /// When the node has no such message.
    pub(crate) async fn payload(&self, key: i64) -> Result<Vec<u8>, Failure> {
        self.bytes("GET", &format!("/v1/messages/{key}/parts/1"), &[]).await
    }

    /// The receipt of a message, as it was on the line.
    ///
    /// # Errors
    /// When the node has none.
    pub(crate) async fn receipt(&self, key: i64) -> Result<Vec<u8>, Failure> {
        self.bytes("GET", &format!("/v1/messages/{key}/receipt"), &[]).await
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, method: &str, path: &str, body: &[u8]) -> Result<T, Failure> {
        let answer = self.bytes(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| Failure::ours(format_args!("{method} {path}: {error}")))
    }

    async fn bytes(&self, method: &str, path: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut headers = vec![("Authorization".to_owned(), format!("Bearer {}", self.token))];
        if !body.is_empty() {
            headers.push(("Content-Type".to_owned(), "application/xml".to_owned()));
        }
        let url = format!("http://{}{path}", self.address);
        let answer = plain::request(method, &url, &headers, body, ANSWER).await.map_err(Failure::ours)?;
        let status = answer.line.split(' ').nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(Failure::ours(format_args!("{method} {path} answered {}: {said}", answer.line)));
        }
        Ok(answer.body)
    }
}
