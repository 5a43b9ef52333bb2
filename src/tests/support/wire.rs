//! HTTP as it is on the wire: what a proxy passes on unchanged, as the `Host` header is signed.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use super::waiting::PATIENCE;

/// Sends a request and reads its answer.
pub(crate) fn exchange(
    store: &mut BufReader<TcpStream>,
    request: &Message,
) -> std::io::Result<Message> {
    request.write(store.get_mut(), usize::MAX)?;
    Message::read(store)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// A request or an answer, byte for byte.
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// `None` where the connection ended between two messages. One that ends within the body is
    /// an error: what came of it is lost, as for a client that waits for the rest.
    pub(crate) fn read(from: &mut impl BufRead) -> std::io::Result<Option<Self>> {
        let mut start = String::new();
        if from.read_line(&mut start)? == 0 {
            return Ok(None);
        }
        let (mut headers, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            headers.push_str(&line);
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
            assert!(
                !name.eq_ignore_ascii_case("transfer-encoding"),
                "a chunked body"
            );
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        Ok(Some(Self {
            start: start.trim_end().to_owned(),
            headers,
            body,
        }))
    }

    /// Writes it, the body in pieces of this size.
    pub(crate) fn write(&self, to: &mut impl Write, piece: usize) -> std::io::Result<()> {
        let mut bytes = format!("{}\r\n{}", self.start, self.headers).into_bytes();
        if piece == usize::MAX {
            bytes.extend(&self.body);
            return to.write_all(&bytes);
        }
        to.write_all(&bytes)?;
        for piece in self.body.chunks(piece) {
            to.write_all(piece)?;
            to.flush()?;
        }
        Ok(())
    }
}

/// Half of an answer, and then nothing until the client closes.
pub(crate) fn stall(mut client: &TcpStream, answer: &Message) -> std::io::Result<()> {
    let half = Message {
        start: answer.start.clone(),
        headers: answer.headers.clone(),
        body: answer.body[..answer.body.len() / 2].to_vec(),
    };
    half.write(&mut client, usize::MAX)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let mut rest = [0];
    match client.read(&mut rest) {
        Ok(0) => Err(ErrorKind::ConnectionAborted.into()),
        other => panic!("the client should have given up: {other:?}"),
    }
}
