// The binary form of the terminal's WebSocket, as crates/wire/src/terminal/binary.rs writes it.

const OUTPUT = 1
const SNAPSHOT = 2
const INPUT = 3

/** Largest piece of input that may be sent at once. */
export const MAX_PIECE = 64 * 1024

/** Pieces that may be under way without an answer. */
export const MAX_IN_FLIGHT = 8

export const SUBPROTOCOL = 'bastide.v1'

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
  /** For a fresh terminal of that size. */
  restore: Uint8Array
}

export interface ViewerInfo {
  write: boolean
  lagged: boolean
  client: string | null
}

/** The server's text messages. */
export type Message =
  | { type: 'hello'; session: string; pos: number; resumed: boolean; write: boolean; input: number | null }
  | { type: 'input_ok'; number: number }
  | { type: 'input_refused'; number: number; code: string; message: string }
  | { type: 'resized'; pos: number; cols: number; rows: number }
  | { type: 'lagged'; pos: number }
  | { type: 'notice'; kind: string; text: string }
  | { type: 'viewers'; viewers: ViewerInfo[] }
  | { type: 'exit'; code: number; signal: number | null }
  | { type: 'waiting'; reason: string }
  | { type: 'pong'; t: number }
  | { type: 'error'; code: string; message: string }

export type Request =
  | { type: 'resize'; cols: number; rows: number }
  | { type: 'ack'; pos: number }
  | { type: 'ping'; t: number }
  | { type: 'cancel_input' }

/** Null for anything that is not one of ours: a newer server may say more. */
export function readFrame(buffer: ArrayBuffer): Output | Snapshot | null {
  const view = new DataView(buffer)
  if (view.byteLength < 9) return null
  const pos = Number(view.getBigUint64(1))
  switch (view.getUint8(0)) {
    case OUTPUT:
      return { kind: 'output', pos, data: new Uint8Array(buffer, 9) }
    case SNAPSHOT:
      if (view.byteLength < 13) return null
      return {
        kind: 'snapshot',
        pos,
        cols: view.getUint16(9),
        rows: view.getUint16(11),
        restore: new Uint8Array(buffer, 13),
      }
    default:
      return null
  }
}

export function writeInput(number: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(5 + data.length)
  const view = new DataView(frame.buffer)
  view.setUint8(0, INPUT)
  view.setUint32(1, number)
  frame.set(data, 5)
  return frame
}
