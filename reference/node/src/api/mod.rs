//! The back-end API: the node's own application submits documents, reads what came and what became of it.
//!
//! Plain HTTP on a loopback address, a bearer token, problem details for errors, and an OpenAPI document of itself.
//! Nothing here decides anything about a message: it is prepared by `send` and judged by `receive`.

mod intake;
mod messages;
mod model;
mod problem;
mod property;
mod standing;
mod submit;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use utoipa::OpenApi;

use crate::node::Node;
use crate::send::Outbox;
use problem::{Kind, Problem};

/// What every request shares.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) node: Arc<Node>,
    pub(crate) outbox: Arc<Outbox>,
    /// SHA-256 of the bearer token: comparing digests tells nothing about the token by its timing.
    pub(crate) token: [u8; 32],
}

/// The OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(title = "Carnet node", description = "The back-end API of a Carnet node. See docs/node.md."),
    paths(
        submit::message, submit::ping, submit::pull,
        messages::list, messages::show, messages::part, messages::receipt, messages::envelope,
        standing::notices, standing::records, standing::health, standing::ready,
    ),
    components(schemas(Problem)),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", bearer);
    }
}

/// Listens; nothing is answered yet.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until told to stop.
pub(crate) async fn serve(listener: TcpListener, api: Api, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    axum::serve(listener, router(api))
        .with_graceful_shutdown(async move {
            // The sender's end is a stop too.
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

fn router(api: Api) -> Router {
    let guarded = Router::new()
        .route("/messages", post(submit::message).get(messages::list))
        .route("/pings", post(submit::ping))
        .route("/pulls", post(submit::pull))
        .route("/messages/{key}", get(messages::show))
        .route("/messages/{key}/parts/{number}", get(messages::part))
        .route("/messages/{key}/receipt", get(messages::receipt))
        .route("/messages/{key}/envelope", get(messages::envelope))
        .route("/notices", get(standing::notices))
        .route("/records/{registry}", get(standing::records))
        .layer(from_fn_with_state(api.clone(), authorize));
    Router::new()
        .nest("/v1", guarded)
        .route("/health", get(standing::health))
        .route("/ready", get(standing::ready))
        .route("/openapi.json", get(openapi))
        .fallback(async || Problem::new(Kind::NotFound, "see /openapi.json"))
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, "see /openapi.json"))
        // Bodies are bounded where they are read.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(api)
}

async fn authorize(State(api): State<Api>, request: Request, next: Next) -> Response {
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer")
                && carnet_wire::digest::sha256(token.trim().as_bytes()) == api.token =>
        {
            next.run(request).await
        }
        _ => {
            let detail = "send `Authorization: Bearer TOKEN` with the token of the file in [api] token_file";
            Problem::new(Kind::Unauthorized, detail).into_response()
        }
    }
}

async fn openapi() -> axum::Json<utoipa::openapi::OpenApi> {
    axum::Json(Document::openapi())
}

/// Reads the store where blocking is allowed.
async fn read<T: Send + 'static>(
    api: &Api,
    read: impl FnOnce(&Node) -> Result<T, carnet_exchange::StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let node = Arc::clone(&api.node);
    match tokio::task::spawn_blocking(move || read(&node)).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Problem::internal(&error)),
    }
}
