//! Standard output, with or without colours, until somebody closes it.

use std::io::{self, Write as _, stdout};

use anstream::{AutoStream, adapter::strip_str};
use clap::ColorChoice;
use serde::Serialize;

/// Returns what `--color` means for a stream.
pub(crate) fn stream_choice(color: ColorChoice) -> anstream::ColorChoice {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
}

/// Standard output. A reader that has gone (`gitmage plan | head`) is no error: the exit status is
/// still that of the verb.
#[derive(Debug)]
pub(crate) struct Output {
    colored: bool,
    closed: bool,
}

impl Output {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let colored = match stream_choice(color) {
            anstream::ColorChoice::Auto => {
                AutoStream::choice(&stdout()) != anstream::ColorChoice::Never
            }
            choice => choice != anstream::ColorChoice::Never,
        };
        Self {
            colored,
            closed: false,
        }
    }

    /// True if nobody reads any more.
    pub(crate) fn closed(&self) -> bool {
        self.closed
    }

    /// Text for people.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        if self.colored {
            self.raw(text)
        } else {
            self.raw(&strip_str(text).to_string())
        }
    }

    /// One JSON document for programs.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.raw(&text)
    }

    /// Text as it is.
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut stream = stdout().lock();
        match stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }
}
