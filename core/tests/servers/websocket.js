// WebSockets over HTTP/2 by Node's own stack (RFC 8441), clear and TLS: an echo that takes a few orders.
//
//     node websocket.js CLEAR TLS CERTIFICATE KEY
//
// Anything but a CONNECT is answered with 200.
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');

const [clear, tls, cert, key] = process.argv.slice(2);
const settings = { enableConnectProtocol: true, initialWindowSize: 1 << 20 };

function frame(first, payload) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 126 ? length : length < 65536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

// The first frame of `input`, which a client has masked, and its length; null while it is not there as a whole.
function parse(input) {
  if (input.length < 2) return null;
  const short = input[1] & 0x7f;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (input.length < at + 4) return null;
  const length = at === 2 ? short : at === 4 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2));
  const end = at + 4 + length;
  if (input.length < end) return null;
  const payload = Buffer.from(input.subarray(at + 4, end));
  for (let place = 0; place < length; place += 1) payload[place] ^= input[at + (place & 3)];
  return { first: input[0], payload, end };
}

function answer(stream, message, { first, payload }) {
  const opcode = first & 0x0f;
  if (opcode === 8) return stream.end(frame(0x88, payload));
  if (opcode === 9) return stream.write(frame(0x8a, payload));
  if (opcode === 10) return stream.write(frame(0x81, Buffer.from('answered')));
  if (opcode !== 0) message.kind = opcode;
  message.pieces.push(payload);
  if ((first & 0x80) === 0) return true;
  const whole = Buffer.concat(message.pieces.splice(0));
  const [order, rest] = whole.length < 100 ? whole.toString().split(/ (.*)/s) : [''];
  if (order === 'close') {
    const [code, reason] = rest.split(/ (.*)/s);
    const number = Buffer.alloc(2);
    number.writeUInt16BE(Number(code));
    return stream.write(frame(0x88, Buffer.concat([number, Buffer.from(reason)])));
  }
  if (order === 'fragments') {
    stream.write(frame(0x01, Buffer.from(rest.slice(0, 1))));
    stream.write(frame(0x00, Buffer.alloc(0)));
    return stream.write(frame(0x80, Buffer.from(rest.slice(1))));
  }
  if (order === 'ping') return stream.write(frame(0x89, Buffer.from(rest)));
  if (order === 'abort') return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  return stream.write(frame(0x80 | message.kind, whole));
}

function serve(stream, headers) {
  stream.on('error', () => {});
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 200 });
    stream.end('ok');
    return;
  }
  stream.respond({ ':status': 200 });
  const message = { kind: 1, pieces: [] };
  let waiting = [];
  stream.on('data', (data) => {
    waiting.push(data);
    let input = Buffer.concat(waiting);
    for (let next = parse(input); next !== null; next = parse(input)) {
      input = input.subarray(next.end);
      answer(stream, message, next);
    }
    waiting = [input];
  });
  stream.on('end', () => stream.end());
}

const options = { settings };
http2.createServer(options).on('stream', serve).listen(Number(clear), '127.0.0.1');
const secure = { ...options, cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
http2.createSecureServer(secure).on('stream', serve).listen(Number(tls), '127.0.0.1');
