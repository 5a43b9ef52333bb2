//! Connections that can be dropped on purpose: in place of an answer, or in the middle of one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The bytes that may still be written to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Open,
    /// The head of the next answer and so many bytes of its body.
    Body(usize),
    Bytes(usize),
}

/// The switch of one connection, in the hands of whoever answers on it.
#[derive(Debug, Clone)]
pub(super) struct Wire(Arc<Mutex<Limit>>);

impl Wire {
    /// Drops the connection as soon as something is to be written.
    pub(super) fn cut(&self) {
        self.set(Limit::Bytes(0));
    }

    /// Drops the connection after so many bytes of the next answer's body.
    pub(super) fn cut_body_after(&self, bytes: usize) {
        self.set(Limit::Body(bytes));
    }

    fn set(&self, limit: Limit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    fn get(&self) -> Limit {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many bytes of this buffer may pass.
    fn allowed(&self, buffer: &[u8]) -> usize {
        match self.get() {
            Limit::Open => buffer.len(),
            Limit::Bytes(left) => left.min(buffer.len()),
            // The server writes the head of an answer in one piece.
            Limit::Body(body) => {
                let head = buffer.windows(4).position(|part| part == b"\r\n\r\n");
                let left = head.map_or(buffer.len(), |at| at + 4 + body);
                if head.is_some() {
                    self.set(Limit::Bytes(left));
                }
                left.min(buffer.len())
            }
        }
    }

    fn wrote(&self, bytes: usize) {
        if let Limit::Bytes(left) = self.get() {
            self.set(Limit::Bytes(left.saturating_sub(bytes)));
        }
    }
}

/// A listener on loopback whose connections can be cut.
pub(super) struct CuttableListener(pub(super) TcpListener);

/// A connection that can be cut.
pub(super) struct CuttableStream {
    stream: TcpStream,
    wire: Wire,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Answers are small and one at a time: waiting to fill packets only delays them.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    let wire = Wire(Arc::new(Mutex::new(Limit::Open)));
                    return (CuttableStream { stream, wire }, address);
                }
                // Out of file descriptors, most likely: some will be closed.
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = self.wire.allowed(buffer);
        if allowed == 0 && !buffer.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, &buffer[..allowed]);
        if let Poll::Ready(Ok(bytes)) = written {
            self.wire.wrote(bytes);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
