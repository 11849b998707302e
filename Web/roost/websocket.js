// The WebSocket transport.

/**
 * Opens a WebSocket. A transport is opened by a function like this one.
 * @param way
 * @param way.url with its query
 * @param way.protocols subprotocols to offer
 * @param way.opened called once when it is open
 * @param way.heard called with each text that comes
 * @param way.ended called once with a close code and a reason, unless `close` was called
 * @returns {{write(text: string): void, close(code: number, reason: string): void}}
 */
export function openWebSocket({ url, protocols, opened, heard, ended }) {
  let isOver = false;
  const socket = make(url, protocols);
  if (socket === null) {
    // As if it had been tried: the caller hears of it after it has been given the transport.
    queueMicrotask(() => isOver || ended(1006, "The browser refused to open a WebSocket there."));
    return { write() {}, close: () => (isOver = true) };
  }
  socket.onopen = opened;
  socket.onmessage = ({ data }) => isOver || heard(data);
  socket.onclose = ({ code, reason }) => {
    if (isOver) return;
    isOver = true;
    ended(code, reason);
  };
  return {
    write: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
    close(code, reason) {
      isOver = true;
      socket.close(code, reason);
    },
  };
}

function make(url, protocols) {
  try {
    return new WebSocket(url, protocols);
  } catch {
    return null;
  }
}
