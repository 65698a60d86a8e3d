// A small client of the ptyd wire, written from the protocol description alone.
//
// Frames are a u32 big-endian length and a MessagePack map. Options that are not given are sent
// as nil, as JavaScript clients do. Every wait has a deadline and fails with what was seen.

import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, encode } from '@msgpack/msgpack';

export const DEADLINE = 15_000;
const FRAME_LIMIT = 64 * 1024 * 1024;

/** One frame: length and payload. */
export function frame(message) {
  return framed(encode(message));
}

/** A frame around a payload that may be anything. */
export function framed(payload) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

/** Cuts a byte stream into payloads, whatever the pieces it comes in. */
export class Frames {
  #pieces = [];
  #length = 0;

  feed(piece) {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The whole frames that are there, decoded. */
  *take() {
    let bytes = Buffer.concat(this.#pieces, this.#length);
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE();
      if (length === 0 || length > FRAME_LIMIT) throw new Error(`frame of ${length} bytes from the daemon`);
      if (bytes.length < 4 + length) break;
      yield decode(bytes.subarray(4, 4 + length));
      bytes = bytes.subarray(4 + length);
    }
    this.#pieces = [bytes];
    this.#length = bytes.length;
  }
}

/** Terminal bytes, gathered; grows by doubling, because a flood of 30 MB comes in small pieces. */
class Gathered {
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;

  add(data) {
    if (this.#length + data.length > this.#bytes.length) {
      const larger = Buffer.alloc(2 * (this.#length + data.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(data, this.#length);
    this.#length += data.length;
  }

  clear() {
    this.#length = 0;
  }

  bytes() {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** An `error` reply, with `code` and `message` as they stood on the wire. */
export class Refused extends Error {
  constructor(reply) {
    super(reply.message);
    this.code = reply.code;
  }
}

/**
 * One connection. `events` holds what came and was not asked for yet; the terminal bytes of each
 * session are gathered. As text they are latin1: one character per byte, so any byte can be searched.
 */
export class Client {
  static async connect(path) {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Client(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.frames = new Frames();
    this.seq = 0;
    this.replies = new Map();
    this.events = [];
    this.output = new Map();
    this.closed = false;
    this.watchers = new Set();
    socket.on('data', (data) => this.#receive(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  #receive(data) {
    this.frames.feed(data);
    for (const message of this.frames.take()) {
      if (['ok', 'error', 'handshake'].includes(message.type)) {
        this.replies.set(message.seq, message);
        continue;
      }
      if (message.type === 'output' && message.viewer === undefined) this.gathered(message.session).add(message.data);
      this.events.push(message);
    }
    this.#wake();
  }

  #wake() {
    for (const look of this.watchers) look();
  }

  /** Waits until `fact` gives something that is not undefined; at the close or deadline it fails. */
  until(fact, what, milliseconds = DEADLINE) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.watchers.delete(look);
        settle(value);
      };
      const look = () => {
        const value = fact();
        if (value !== undefined) finish(resolve, value);
        else if (this.closed) finish(reject, new Error(`closed while waiting for ${what}`));
      };
      const timer = setTimeout(() => finish(reject, new Error(`no ${what} in ${milliseconds} ms`)), milliseconds);
      this.watchers.add(look);
      look();
    });
  }

  /** Sends a request; returns its seq. */
  post(type, fields = {}) {
    this.seq += 1;
    this.socket.write(frame({ type, seq: this.seq, ...fields }));
    return this.seq;
  }

  async reply(seq, milliseconds) {
    const reply = await this.until(() => this.replies.get(seq), `reply ${seq}`, milliseconds);
    this.replies.delete(seq);
    return reply;
  }

  /** Request and reply; an `error` reply is thrown as Refused. */
  async call(type, fields) {
    const reply = await this.reply(this.post(type, fields));
    if (reply.type === 'error') throw new Refused(reply);
    return reply;
  }

  handshake(token, { protocol_version = 1, client_id, role, capabilities } = {}) {
    return this.call('handshake', { token, protocol_version, client_id, role, capabilities });
  }

  /** A new session; returns its id. */
  async create({ cwd, cols, rows, env, shell, initial_commands } = {}) {
    const reply = await this.call('create', { cwd, cols, rows, env, shell, initial_commands });
    return reply.session;
  }

  /** Attaches; returns the snapshot. The gathered output then begins with its content. */
  async attach(session) {
    const { snapshot } = await this.call('attach', { session });
    const gathered = this.gathered(session);
    const since = Buffer.from(gathered.bytes());
    gathered.clear();
    gathered.add(Buffer.from(snapshot.content));
    gathered.add(since);
    return snapshot;
  }

  input(session, data) {
    return this.call('input', { session, data: typeof data === 'string' ? Buffer.from(data) : data });
  }

  async sessions() {
    const { sessions } = await this.call('list');
    return new Map(sessions.map((info) => [info.id, info]));
  }

  gathered(session) {
    if (!this.output.has(session)) this.output.set(session, new Gathered());
    return this.output.get(session);
  }

  /** What was gathered of a session, as latin1 text. */
  text(session) {
    return this.gathered(session).bytes().toString('latin1');
  }

  /** Forgets what was gathered. */
  forget(session) {
    this.gathered(session).clear();
  }

  /** Waits until the gathered output holds the text (latin1). */
  waitOutput(session, text, milliseconds) {
    const needle = Buffer.from(text, 'latin1');
    let from = 0;
    const found = () => {
      const bytes = this.gathered(session).bytes();
      if (bytes.indexOf(needle, from) >= 0) return true;
      from = Math.max(0, bytes.length - needle.length);
      return undefined;
    };
    return this.until(found, `output ${JSON.stringify(text)}`, milliseconds);
  }

  /** Takes the first event, past or coming, for which the test holds. */
  waitEvent(test, what, milliseconds) {
    return this.until(
      () => {
        const at = this.events.findIndex(test);
        return at < 0 ? undefined : this.events.splice(at, 1)[0];
      },
      what,
      milliseconds,
    );
  }

  waitExit(session, milliseconds) {
    return this.waitEvent((e) => e.type === 'exit' && e.session === session, 'exit event', milliseconds);
  }

  waitClosed() {
    return this.until(() => (this.closed ? true : undefined), 'close');
  }

  /** Stops reading: what the daemon sends stays in the socket. */
  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  close() {
    this.socket.destroy();
  }
}
