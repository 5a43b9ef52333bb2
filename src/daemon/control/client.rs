//! Asking a daemon that runs.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Answer, Ask, ControlError, Last, Line, socket};
use crate::daemon::outcome::{PassOutcome, Streamed};

/// A connection to a daemon.
#[derive(Debug)]
pub struct ControlClient {
    stream: BufReader<UnixStream>,
}

impl ControlClient {
    /// Connects to the daemon of a state directory; `None` when none listens there.
    ///
    /// # Errors
    /// [`ControlError::Socket`] when one may be there but cannot be reached.
    pub async fn connect(state_dir: &Path) -> Result<Option<Self>, ControlError> {
        let path = socket(state_dir);
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Some(Self {
                stream: BufReader::new(stream),
            })),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(ControlError::Socket { path, why: error }),
            },
        }
    }

    /// Asks, and hands on what happens meanwhile.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn ask(
        mut self,
        ask: &Ask,
        mut on_event: impl FnMut(Streamed),
    ) -> Result<Vec<PassOutcome>, ControlError> {
        let unreadable = |error: serde_json::Error| ControlError::Unreadable(error.to_string());
        let mut request = serde_json::to_vec(ask).map_err(unreadable)?;
        request.push(b'\n');
        let sent = self.stream.get_mut().write_all(&request).await;
        sent.map_err(|_| ControlError::Ended)?;
        let mut text = String::new();
        loop {
            text.clear();
            match self.stream.read_line(&mut text).await {
                Ok(0) | Err(_) => return Err(ControlError::Ended),
                Ok(_) => {}
            }
            match serde_json::from_str(&text).map_err(unreadable)? {
                Line::Event(event) => on_event(event),
                Line::Last(Last::Result(Answer { outcomes })) => return Ok(outcomes),
                Line::Last(Last::Error(why)) => return Err(ControlError::Refused(why)),
            }
        }
    }
}
