//! What sends to a sink, whatever its kind.

use std::sync::Arc;

use crate::ship::deliver::Transport;
use crate::ship::kinds::nats::Publisher;
use crate::ship::kinds::syslog::Line;
use crate::ship::kinds::web::Poster;
use crate::ship::kinds::{bulk, file, http, logmill, loki, otlp};
use crate::ship::{Answer, Item, Kind, Sink};

/// One connection, or a handle on a pool of them. Each lane has its own.
pub struct Sender {
    sink: Arc<Sink>,
    /// By which another logmill knows what it has: all that has this name comes in its order.
    name: String,
    poster: Option<Poster>,
    line: Option<Line>,
    publisher: Option<Publisher>,
}

impl Sender {
    /// What is wrong is for a person.
    pub fn new(sink: &Arc<Sink>, name: &str) -> Result<Sender, String> {
        let poster = match &sink.kind {
            Kind::Http(http::Settings { web, .. })
            | Kind::Elasticsearch(bulk::Settings { web, .. })
            | Kind::Logmill(logmill::Settings { web, .. })
            | Kind::Loki(loki::Settings { web, .. })
            | Kind::Otlp(otlp::Settings { web, .. }) => Some(Poster::new(web)?),
            Kind::Syslog(_) | Kind::File(_) | Kind::Stdout | Kind::Nats(_) => None,
        };
        let line = match &sink.kind {
            Kind::Syslog(settings) => Some(Line::new(settings)?),
            _ => None,
        };
        let publisher = match &sink.kind {
            Kind::Nats(settings) => Some(Publisher::new(settings)?),
            _ => None,
        };
        Ok(Sender { sink: sink.clone(), name: name.to_owned(), poster, line, publisher })
    }
}

impl Transport for Sender {
    async fn send(&mut self, items: &[Item]) -> Answer {
        let mapping = &self.sink.mapping;
        if let (Kind::Nats(settings), Some(publisher)) = (&self.sink.kind, &mut self.publisher) {
            return publisher.send(settings, mapping, items).await;
        }
        match (&self.sink.kind, &self.poster, &mut self.line) {
            (Kind::Http(settings), Some(poster), _) => http::send(settings, mapping, poster, items).await,
            (Kind::Elasticsearch(settings), Some(poster), _) => bulk::send(settings, mapping, poster, items).await,
            (Kind::Logmill(settings), Some(poster), _) => logmill::send(settings, &self.name, poster, items).await,
            (Kind::Loki(settings), Some(poster), _) => loki::send(settings, mapping, poster, items).await,
            (Kind::Otlp(settings), Some(poster), _) => otlp::send(settings, mapping, poster, items).await,
            (Kind::Syslog(settings), _, Some(line)) => line.send(settings, items).await,
            (Kind::File(settings), ..) => file::append(settings, mapping, items),
            (Kind::Stdout, ..) => file::print(mapping, items),
            _ => Answer::Stuck { why: "this is a bug: the sender is not of the sink's kind".to_owned() },
        }
    }
}
