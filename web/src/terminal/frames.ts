// The binary form of the terminal's WebSocket, as crates/wire/src/terminal/binary.rs and packed.rs
// write it.

import { decompress } from 'fzstd'

const OUTPUT = 1
const SNAPSHOT = 2
const INPUT = 3
const PART = 4
/** Set in the kind of a packed message. */
const PACKED = 0x80

/** No body is longer; a packed message that says so is not believed. */
const MAX_BODY = 64 * 1024

/** Largest piece of input that may be sent at once. */
export const MAX_PIECE = 64 * 1024

/** Pieces that may be under way without an answer. */
export const MAX_IN_FLIGHT = 8

/** The server takes the first if it knows it; it decides for each message whether to pack it. */
export const SUBPROTOCOLS = ['bastide.v1.zstd', 'bastide.v1']

export interface Output {
  kind: 'output'
  /** Raw backend bytes before `data`, since the session began. */
  pos: number
  data: Uint8Array
}

export interface Snapshot {
  kind: 'snapshot'
  pos: number
  cols: number
  rows: number
  /** For a fresh terminal of that size, after the parts that came before. */
  restore: Uint8Array
}

/** Of the snapshot that follows. */
export interface Part {
  kind: 'part'
  restore: Uint8Array
}

export interface ViewerInfo {
  /** May type now. */
  write: boolean
  lagged: boolean
  client: string | null
  /** What there is to say about it: the server knows it of viewers that came through it. */
  id?: number
  since?: string
  user?: string
  role?: 'owner' | 'guest' | 'observer' | 'admin'
  via?: string
  /** For who may end the session. */
  address?: string
  /** Wants the keyboard. */
  asks?: boolean
  /** Has it alone. */
  keyboard?: boolean
}

/** A host key as it is shown to whoever has to accept it. */
export interface PromptKey {
  host: string
  port: number
  algorithm: string
  fingerprint: string
}

/** What a person must answer before a shell on a server is there. */
export interface Prompt {
  prompt_id: string
  kind: 'host_key' | 'password' | 'passphrase' | 'question'
  /** The server that asks, or about which is asked. */
  server: string
  /** In the server's own words. */
  text: string
  /** Whether what is typed may be shown. */
  echo: boolean
  /** Unanswered by then the connection fails. */
  expires: string
  key?: PromptKey | null
}

/** What a notice of kind `command` has besides its English text. */
export interface CommandNotice {
  level?: 'error' | 'warning' | 'info'
  /** The same in Chinese. */
  zh?: string
  /** The command waits for a second person, or has. */
  review?: { state: string }
  /** When the session ends. */
  ends?: string
}

/** The server's text messages. */
export type Message =
  | { type: 'hello'; session: string; pos: number; resumed: boolean; write: boolean; input: number | null }
  | { type: 'input_ok'; number: number }
  | { type: 'input_refused'; number: number; code: string; message: string }
  | { type: 'resized'; pos: number; cols: number; rows: number }
  | { type: 'lagged'; pos: number }
  | ({ type: 'notice'; kind: string; text: string } & CommandNotice)
  | { type: 'viewers'; viewers: ViewerInfo[]; write?: boolean; you?: number | null }
  | { type: 'exit'; code: number; signal: number | null }
  | { type: 'waiting'; reason: string }
  | { type: 'pong'; t: number }
  | { type: 'error'; code: string; message: string }
  | ({ type: 'prompt' } & Prompt)
  | { type: 'prompt_closed'; prompt_id: string }

export type Request =
  | { type: 'resize'; cols: number; rows: number }
  | { type: 'ack'; pos: number }
  | { type: 'ping'; t: number }
  | { type: 'cancel_input' }
  /** Neither an answer nor `accept` refuses. */
  | { type: 'prompt_reply'; prompt_id: string; answer?: string; accept?: boolean }

/**
 * Null for anything that is not one of ours: a newer server may say more.
 * Throws when a packed message is damaged.
 */
export function readFrame(buffer: ArrayBuffer): Output | Snapshot | Part | null {
  const view = new DataView(buffer)
  if (view.byteLength < 1) return null
  switch (view.getUint8(0) & ~PACKED) {
    case OUTPUT:
      if (view.byteLength < 9) return null
      return { kind: 'output', pos: Number(view.getBigUint64(1)), data: body(view, 9) }
    case SNAPSHOT:
      if (view.byteLength < 13) return null
      return {
        kind: 'snapshot',
        pos: Number(view.getBigUint64(1)),
        cols: view.getUint16(9),
        rows: view.getUint16(11),
        restore: body(view, 13),
      }
    case PART:
      return { kind: 'part', restore: body(view, 1) }
    default:
      return null
  }
}

/** What comes after the head. Packed: its length, then one zstd frame. */
function body(view: DataView<ArrayBuffer>, head: number): Uint8Array {
  const { buffer } = view
  if ((view.getUint8(0) & PACKED) === 0) return new Uint8Array(buffer, head)
  const length = view.getUint32(head)
  if (length > MAX_BODY) throw new RangeError(`a packed message of ${length} bytes`)
  // Into space of just this length: more than that is an error before it is memory.
  const plain = decompress(new Uint8Array(buffer, head + 4), new Uint8Array(length))
  if (plain.length !== length) throw new RangeError('a packed message without its frame')
  return plain
}

export function writeInput(number: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(5 + data.length)
  const view = new DataView(frame.buffer)
  view.setUint8(0, INPUT)
  view.setUint32(1, number)
  frame.set(data, 5)
  return frame
}
